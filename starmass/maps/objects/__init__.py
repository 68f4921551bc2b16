"""FITS images and cubes of an observed protostar become one map file on the simulations' grid."""
