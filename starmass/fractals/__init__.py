"""Mathematics to images: flame fractals and other synthetic textures, in shards."""
