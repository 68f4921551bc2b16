"""Physical constants in cgs (CODATA 2018, IAU 2015), and the four units of maps and labels."""

import math

PARSEC_CM = 3.0856775814913673e18
SOLAR_MASS_G = 1.988409870698051e33
YEAR_S = 3.15576e7
KM_CM = 1.0e5
ARCSEC_RADIAN = math.pi / 180 / 3600

GRAVITY = 6.6743e-8  # cm^3 g^-1 s^-2
BOLTZMANN = 1.380649e-16  # erg K^-1
HYDROGEN_ATOM_G = 1.6735328e-24


def thermal_width(temperature: float, mass: float) -> float:
    """Return the thermal dispersion along the line of sight, sqrt(kT / m) [km/s].

    Parameters
    ----------
    temperature : of the gas [K]
    mass : of the molecule [hydrogen atoms]
    """
    return math.sqrt(BOLTZMANN * temperature / (mass * HYDROGEN_ATOM_G)) / KM_CM
