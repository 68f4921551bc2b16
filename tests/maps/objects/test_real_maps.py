"""Maps that observers published, with all that is odd about them."""

from pathlib import Path

import numpy as np
import pytest
from object_files import make

from starmass.errors import InputError
from starmass.maps.objects.describe import describe_object

VLA_1623A, ELIAS_29 = "16:26:26.39 -24:24:30.7", "16:27:09.43 -24:37:18.7"
H_MM1 = [246.9961083333, -24.55708333333]


def l1688(folder: Path, position: str, **changes) -> dict:
    """Return an entry that says all that headers lack; some of it changed, or left out by None."""

    def path(name: str) -> str:
        return str(next(folder.glob(f"L1688_{name}_DR1*")))

    entry = {
        "column_density": {"log": True, "scale": 1e8, "counts": "H2", "noise": path("eN_NH3")},
        "v_los": {"noise": path("eVlsr")},
        "sigma_v": {
            "kind": "sigma", "temperature": 15, "molecule_mass": 17, "noise": path("eSigma"),
        },
    }  # fmt: skip
    for (channel, one), name in zip(entry.items(), ("N_NH3", "Vlsr", "Sigma"), strict=True):
        one |= {"file": path(name), "blank": [0]} | changes.get(channel, {})
    return {"position": position, "distance": [137, 5], "velocity": 3.7} | entry


def test_a_protostar_of_l1688(observed, tmp_path):
    made = make(tmp_path, l1688(observed, VLA_1623A))
    assert not made.facts["star_missing"] and 0.2 < made.facts["missing_centre"] < 0.6
    assert made.facts["missing_field"] == pytest.approx(0.69, abs=0.1)
    assert made.facts["beam_arcsec"] == pytest.approx(31.8, abs=0.1)
    assert made.noise.any(axis=(1, 2)).all()
    assert 1e21 < np.median(made.maps[0]) < 1e23
    assert abs(np.median(made.maps[1])) < 1 and 0.1 < np.median(made.maps[2]) < 1
    assert np.isfinite(made.at_distance).all()
    assert made.noise[1:].min() > 0 and made.noise[1:].max() < 0.5
    assert "15 K" in made.said("assumption")


def test_a_star_without_data_is_recorded(observed, tmp_path):
    made = make(tmp_path, l1688(observed, ELIAS_29))
    assert made.facts["star_missing"] and made.facts["missing_centre"] > 0.75


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"column_density": {"log": False}}, ["L1688_N_NH3", "BUNIT = 'cm-2'", "log: true"]),
        ({"column_density": {"scale": 1.0}}, ["L1688_N_NH3", "BUNIT", "column_density.scale"]),
        ({"v_los": {"blank": None}}, ["L1688_Vlsr", "exactly 0", "v_los.blank: 0"]),
        ({"sigma_v": {"kind": None}}, ["L1688_Sigma", "BUNIT", "sigma_v.kind"]),
    ],
)
def test_what_is_not_said_of_them_is_asked_for(observed, tmp_path, changes, words):
    with pytest.raises(InputError) as refused:
        make(tmp_path, l1688(observed, VLA_1623A, **changes))
    for word in words:
        assert word in str(refused.value)


def test_a_star_in_another_equinox_falls_outside(observed, tmp_path):
    entry = l1688(observed, VLA_1623A, v_los={"equinox": "B1950"})
    with pytest.raises(InputError, match=r"Vlsr.*NAXIS1.*is not in the image.*v_los\.equinox"):
        make(tmp_path, entry)


def h_mm1(folder: Path, **changes) -> dict:
    def path(name: str) -> str:
        return str(next(folder.glob(f"H-MM1_{name}*")))

    entry = {
        "column_density": {
            "file": path("NH2"), "unit": "cm-2", "counts": "H2", "beam": 6, "blank": [0],
        },
        "v_los": {"file": path("NH3_Vlsr")},
        "sigma_v": {
            "file": path("NH3_sigma"), "kind": "sigma", "temperature": 11, "molecule_mass": 17,
        },
    }  # fmt: skip
    for channel, one in entry.items():
        one |= changes.get(channel, {})
    return {"position": H_MM1, "distance": [138.4, 0], "velocity": 4.2} | entry


def test_a_core_without_a_star(observed, tmp_path):
    made = make(tmp_path, h_mm1(observed))
    assert "BUNIT = 'MJy/sr'" in made.said("warning") and not made.facts["star_missing"]
    assert 1e21 < np.median(made.maps[0][28:36, 28:36]) < 2e23
    assert abs(np.median(made.maps[1][28:36, 28:36])) < 0.5
    assert made.facts["missing_field"] > 0.5 and made.facts["coarse_grid"].size == 0


def test_moments_of_a_hyperfine_line_show(observed, tmp_path):
    path = str(next(observed.glob("H-MM1_NH3_11_mom1*")))
    with pytest.raises(InputError, match=r"mom1.* km/s \(BUNIT.*none of a cloud.*v_los\.blank"):
        make(tmp_path, h_mm1(observed, v_los={"file": path}))


def test_all_that_is_lacking_is_listed_at_once(observed):
    entry = l1688(
        observed,
        VLA_1623A,
        column_density={"log": False, "counts": None},
        v_los={"blank": None},
        sigma_v={"kind": None, "temperature": None, "blank": None},
    )
    projection = {"side": 0.5, "pixels": 64, "hydrogen_mass": 1.4}
    said = " ".join(describe_object("star", entry, projection, {})[0].split())
    for key in (
        "column_density.counts", "v_los.blank: 0", "sigma_v.kind", "sigma_v.temperature",
        "sigma_v.blank",
    ):  # fmt: skip
        assert f"objects.star.{key}" in said
    assert 'beam 31.8"' in said and "FK5" in said and "(220.0, 145.8)" in said
    said, ready = describe_object("star", l1688(observed, ELIAS_29), projection, {})
    assert ready and "The star's own pixels are missing: no mass will be given." in said
