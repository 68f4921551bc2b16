"""Map files in the pipeline's format: small synthetic ones, and the reference maps of a real
simulation where they are there.
"""

import pytest
from map_files import REFERENCE, synthetic_simulation, write_reference_maps

from starmass.evaluation.samples import collect_samples


@pytest.fixture
def map_files(tmp_path):
    return [*synthetic_simulation(tmp_path, "a", 1), *synthetic_simulation(tmp_path, "b", 2)]


@pytest.fixture
def samples(map_files):
    return collect_samples(map_files)


@pytest.fixture(scope="session")
def reference_samples(tmp_path_factory):
    """The reference maps of ramses_a, one file a snapshot, as samples of at least 0.01 Msun."""
    if not REFERENCE.is_file():
        pytest.skip(
            f"no {REFERENCE}: set STARMASS_RAMSES_DATA to the folder that holds reference_maps.h5"
            " of ramses_a"
        )
    files = write_reference_maps(tmp_path_factory.mktemp("ramses_a"))
    return collect_samples(files, minimum_mass=0.01)
