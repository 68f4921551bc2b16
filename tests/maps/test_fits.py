"""FITS files: every channel as it is in the map file, at its place in the sky, and the headers."""

import json
import re
import shlex

import h5py
import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales
from spectral_cube import SpectralCube

from starmass.__main__ import main
from starmass.errors import InputError
from starmass.maps.fits import export_fits
from starmass.maps.fits_grid import read_position
from starmass.maps.mapping import make_maps
from starmass.maps.observation import observe_maps
from starmass.maps.projection import ORIENTATION

pytestmark = pytest.mark.filterwarnings("error")

WARMTH = {"label": "MT", "name": "temperature", "cgs": 2.0, "unit": "K"}
CHANNELS = {
    "b_columns": {"kind": "vector", "field": "magnetic_field", "unit": "uG", "part": "columns"},
    "b_rows": {"kind": "vector", "field": "magnetic_field", "unit": "uG", "part": "rows"},
    "temperature": {"kind": "mean", "field": "temperature", "unit": "K"},
    "ppv": {"kind": "spectrum", "lowest": -4, "highest": 5, "count": 6, "line_width": 0.3},
}
SEEN = {
    "distance": 400,
    "beam": 300,
    "seed": 3,
    "noise": {"column_density": 1e20, "sigma_v": 0.1, "ppv_002": 1e19},
    "relative_noise": {"v_los": 0.1},
    "missing_fraction": 0.1,
    "missing_patch": 2,
}
POSITION = "16h20m +60d"


def make(run, output, channels=CHANNELS, **projection):
    """Maps of a run whose snapshot has a name with the mark that file names are joined by."""
    settings = {"side": 1.1, "pixels": 10, "velocity_frame": "sink", "hydrogen_mass": 1.4}
    make_maps(
        output=output, simulation="mine", snapshot="snap_1", dump=[run / "run.yaml"],
        entry={"format": "sfumato", "folder": str(run)}, channels=channels,
        projection={**settings, "channels": list(channels), **projection},
    )  # fmt: skip
    return output


@pytest.fixture
def maps(write_run, tmp_path):
    """A map file of two sinks with all kinds of channels that a beam can see."""
    variables = ["MRHO", "MVX", "MVY", "MVZ", "MBX", "MBY", "MBZ", WARMTH]
    stars = [[0.2, 3.8, 2.0], [2.0, 1.3, 0.4]]
    run, _ = write_run(seed=4, stars=stars, variables=variables, snapshot="snap_1")
    return make(run, tmp_path / "m.h5")


@pytest.fixture
def observed(maps, tmp_path):
    observe_maps(output=tmp_path / "o.h5", maps=maps, name="orion", observation=SEEN)
    return tmp_path / "o.h5"


def read(path):
    """Open a FITS file, whose checksums and cards have to be right, as image -> HDU."""
    with fits.open(path, checksum=True, memmap=False) as file:
        file.verify("exception")
        assert all(hdu.data is not None for hdu in file[1:])  # loaded before the file is closed
        return {hdu.header.get("EXTNAME", "PRIMARY"): hdu for hdu in file}


def export(maps, output, sink=7, axis="z", **options):
    export_fits(output=output, maps=maps, sink=sink, axis=axis, options=options)
    return read(output)


def words(hdu):
    return " ".join(map(str, hdu.header["COMMENT"]))


def test_all_of_a_map_file_comes_back(maps, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main(["fits", str(maps)])
    said = capsys.readouterr().err
    assert "6/6" in said and said.splitlines()[-1] == "6 FITS files written: fits/mine/"
    paths = sorted((tmp_path / "fits/mine").iterdir())
    assert [path.name for path in paths] == [
        f"snap_1_{sink}_{axis}.fits" for sink in (7, 8) for axis in "xyz"
    ]
    with h5py.File(maps) as file:
        values, facts = file["maps"][:], dict(file["maps"].attrs)
        names = list(facts["channels"])
        for place, path in enumerate(paths):
            row, line = divmod(place, 3)
            images = read(path)
            assert list(images) == ["PRIMARY", *names[:6], "ppv"]
            for channel, name in enumerate(names[:6]):
                there, header = images[name].data, images[name].header
                assert there.dtype.kind == "f" and there.dtype.itemsize == 4
                np.testing.assert_array_equal(there, values[row, line, channel, :, ::-1])
                unit = units.Unit(header["BUNIT"], format="fits", parse_strict="raise")
                assert unit == units.Unit(facts["channel_units"][channel])
            np.testing.assert_array_equal(images["ppv"].data, values[row, line, 6:, :, ::-1])
            head = images["PRIMARY"].header
            for key, name in (
                ("SINKID", "sink_id"), ("MASS", "mass"), ("AGE", "age"),
                ("GASMASS", "gas_mass"), ("REFINED", "refined_fraction"),
            ):  # fmt: skip
                assert head[key] == file[name][row], key
            assert [head[f"POS-{a}"] for a in "XYZ"] == file["position"][row].tolist()
            assert (head["AXIS"], head["SIDE"], head["DEPTH"]) == ("xyz"[line], 1.1, 1.1)
            assert (head["VFRAME"], head["VSINK"], head["COUNTS"]) == ("sink", 0, "H")
            assert head["MEANMASS"] == pytest.approx(1.4)
            assert head["MAPCOMM"] == json.loads(file.attrs["provenance"])["commit"]
            east, north = "yzx"[line], "zxy"[line]
            assert "Only gas in the cube about the star" in words(images["PRIMARY"])
            assert f"towards the east, +{east} of" in words(images["b_columns"])
            assert f"towards the north, +{north} of" in words(images["b_rows"])
            assert "1.4 hydrogen atoms of gas for each nucleus" in words(images["ppv"])
            assert "DISTANCE" not in head and "ACCRAD" not in head  # not known
    first = paths[0].read_bytes()
    main(["fits", str(maps), "--sink", "7", "--axis", "x", "--output", "again.fits"])
    assert (tmp_path / "again.fits").read_bytes() == first
    assert str(tmp_path).encode() not in first


@pytest.mark.parametrize("depth", [2.5, "box"])
def test_the_header_says_the_depth(write_run, tmp_path, depth):
    run, _ = write_run(seed=1, stars=[[2.0, 1.3, 1.0]], snapshot="snap_1")
    maps = make(run, tmp_path / "m.h5", channels={}, depth=depth)
    for axis in "xyz":
        primary = export(maps, tmp_path / f"{axis}.fits", axis=axis)["PRIMARY"]
        wanted = 4.0 if depth == "box" else 2.5
        assert primary.header["DEPTH"] == pytest.approx(wanted, rel=1e-12)
        assert primary.header["SIDE"] == 1.1
        said = words(primary)
        assert "hold the gas along" in said and "Only gas in the cube" not in said


def test_a_blob_is_where_the_observer_sees_it(write_run, tmp_path):
    """Its place from vectors alone: the observer at -axis looks along +axis, and up is north."""
    place, speed = np.array([1.25, -0.75, 0.25]), np.array([3.0, -2.0, 1.0])

    def gas(levels, positions):
        inside = np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), axis=-1)
        cells = 4 * np.asarray(positions)[:, None, None, None] + inside
        blob = np.all(0.5 * cells + 0.25 == 2.0 + place, axis=-1)
        assert blob.sum() == 1
        return {
            "MRHO": np.where(blob, 1e9, 1.0),
            **{f"MV{a}": np.where(blob, v, 9.0) for a, v in zip("XYZ", speed, strict=True)},
        }

    run, _ = write_run(stars=[[2.0, 2.0, 2.0]], gas=gas, depth=0, snapshot="snap_1")
    maps = make(run, tmp_path / "m.h5", {}, side=3.0, pixels=6, velocity_frame="box")
    star, distance = SkyCoord("16h20m", "60d"), 140.0

    def miss(image, expected, key=" "):
        """Distance of the brightest pixel from where it should be, in pixels."""
        brightest = np.unravel_index(image.data.argmax(), image.data.shape)[::-1]
        world = WCS(image.header, key=key).pixel_to_world(*brightest)
        if key == "P":
            away = [w.to_value("pc") - e for w, e in zip(world, expected, strict=True)]
            return np.hypot(*away) / 0.5
        return world.separation(expected).radian / (0.5 / distance)

    for axis in "xyz":
        look = np.eye(3)["xyz".index(axis)]
        rows = re.search(rf"axis {axis}: columns (?:run )?along \+., rows along \+(.)", ORIENTATION)
        up = np.eye(3)["xyz".index(rows[1])]
        left = -np.cross(look, up)
        east, north = place @ left, place @ up
        angle, size = np.arctan2(east, north), np.arctan(np.hypot(east, north) / distance)
        expected = star.directional_offset_by(angle * units.rad, size * units.rad)
        images = export(maps, tmp_path / "s.fits", axis=axis, distance=distance, position=POSITION)
        image = images["column_density"]
        assert miss(image, expected) < 1e-3 and miss(image, (east, north), "P") < 1e-9
        head = images["PRIMARY"].header
        for card, name, direction in (("EAST", "CTYPE1P", left), ("NORTH", "CTYPE2P", up)):
            letter = "xyz"[int(np.flatnonzero(direction)[0])]
            assert (head[card], image.header[name]) == (f"+{letter}", f"OFFSET-{letter.upper()}")
        seen = images["v_los"].data[np.unravel_index(image.data.argmax(), (6, 6))]
        assert seen == pytest.approx(speed @ look, abs=1e-5)
        assert images["PRIMARY"].header["VSINK"] == pytest.approx([2, 0.1, 0.1]["xyz".index(axis)])
        wcs = WCS(image.header)
        np.testing.assert_allclose(wcs.world_to_pixel(star), [2.5, 2.5], atol=1e-8)
        np.testing.assert_allclose(
            proj_plane_pixel_scales(wcs), np.degrees(0.5 / distance), rtol=1e-12
        )
        assert wcs.wcs.cdelt[0] < 0 < wcs.wcs.cdelt[1] and wcs.wcs.radesys == "ICRS"
        flat = export(maps, tmp_path / "p.fits", axis=axis)["column_density"]
        np.testing.assert_array_equal(flat.data, image.data)
        offsets = WCS(flat.header)
        np.testing.assert_allclose(offsets.wcs_world2pix([[0, 0]], 0), [[2.5, 2.5]])
        brightest = np.unravel_index(flat.data.argmax(), (6, 6))[::-1]
        np.testing.assert_allclose(offsets.wcs_pix2world([brightest], 0), [[east, north]])
        for mirrored in (image.data[:, ::-1], image.data[::-1], image.data.T):
            wrong = fits.ImageHDU(mirrored, image.header)
            assert miss(wrong, expected) > 0.9 and miss(wrong, (east, north), "P") > 0.9


def test_the_cube_opens_in_spectral_cube(maps, tmp_path):
    path = tmp_path / "s.fits"
    images = export(maps, path, axis="x", distance=140, position="245 60")
    cube = SpectralCube.read(path, hdu="ppv")
    assert cube.shape == (6, 10, 10) and cube.unit == units.Unit("cm-2")
    np.testing.assert_allclose(cube.spectral_axis.to_value("km/s"), -4 + 1.5 * (np.arange(6) + 0.5))
    with h5py.File(maps) as file:
        values = file["maps"][0, 0, 6:][..., ::-1]
        column = file["maps"][0, 0, 0][:, ::-1]
    np.testing.assert_array_equal(cube.unmasked_data[:].value, values)
    speed = np.tensordot(-4 + 1.5 * (np.arange(6) + 0.5), values, 1) / values.sum(axis=0)
    np.testing.assert_allclose(cube.moment1().to_value("km/s"), speed, atol=1e-5)
    total = cube.moment0().to_value("cm-2 km/s") / images["ppv"].header["CDELT3"]
    assert (total <= column * (1 + 1e-5)).all() and (total > 0.9 * column).mean() > 0.5
    assert images["ppv"].header["SPECSYS"] == "SOURCE"  # the sink's frame
    image = WCS(images["column_density"].header)
    corner = [[0.0, 3.0]]
    np.testing.assert_allclose(
        cube.wcs.celestial.wcs_pix2world(corner, 0), image.wcs_pix2world(corner, 0)
    )
    assert "divided by cdelt3" in words(images["ppv"]).lower()


def test_the_example_of_the_page(maps, tmp_path, monkeypatch, root):
    """docs/maps.md, with another map file and sink."""
    monkeypatch.chdir(tmp_path)
    page = (root / "docs/maps.md").read_text().split("## As FITS")[1].replace("\\\n", "")
    (command,) = re.findall(
        r"^python -m starmass (fits .* --output star\.fits)$", page, re.MULTILINE
    )
    given = shlex.split(command)
    given[1], given[given.index("--sink") + 1] = str(maps), "8"
    main(given)
    found: dict = {}
    exec(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], found)
    with h5py.File(maps) as file:
        np.testing.assert_array_equal(
            found["column_density"], 0.5 * file["maps"][1, 2, 0][:, ::-1].astype(float)
        )
        assert found["mass"] == file["mass"][1]
    offsets = [found[name].to_value("pc") for name in ("east", "north")]
    np.testing.assert_allclose(offsets, [0.495, -0.495])
    star = SkyCoord("04h31m34s +18d08m05s")
    assert found["sky"].separation(star).deg == pytest.approx(
        np.degrees(np.arctan(np.hypot(*offsets) / 140)), rel=1e-9
    )
    assert found["sky"].ra > star.ra and found["sky"].dec < star.dec


def test_molecules_and_thermal_widths(maps, tmp_path):
    plain = export(maps, tmp_path / "p.fits")
    thermal = {"temperature": 10, "molecule_mass": 28}
    other = export(maps, tmp_path / "o.fits", counts="H2", thermal=thermal)
    for name in ("column_density", "ppv"):
        np.testing.assert_array_equal(other[name].data * 2, plain[name].data)
        assert other[name].header["BUNIT"] == "cm-2" and other[name].header["COUNTS"] == "H2"
        assert "hydrogen molecules" in words(other[name]) and "2.8 hydrogen" in words(other[name])
    for name in ("v_los", "temperature", "b_rows"):
        np.testing.assert_array_equal(other[name].data, plain[name].data)
        assert "COUNTS" not in other[name].header
    # 10 K and CO: sqrt(1.380649e-23 * 10 / (28 * 1.6735e-27)) m/s.
    square = other["sigma_v"].data.astype(float) ** 2 - plain["sigma_v"].data.astype(float) ** 2
    np.testing.assert_allclose(square, 0.0542812**2, rtol=1e-3)
    head = other["PRIMARY"].header
    assert (head["THERMTEM"], head["THERMMOL"], head["COUNTS"]) == (10, 28, "H2")
    assert head["MEANMASS"] == pytest.approx(2.8)
    assert head["THERMAL"] == other["sigma_v"].header["THERMAL"] == pytest.approx(0.05428, rel=1e-3)
    assert "no thermal part" not in words(other["PRIMARY"]) + words(other["sigma_v"])
    assert "no thermal part" in words(plain["sigma_v"]) and "THERMAL" not in plain["PRIMARY"].header


def test_observed_maps_have_beam_noise_and_missing_pixels(observed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(
        [
            "fits",
            str(observed),
            "--sink",
            "8",
            "--axis",
            "y",
            "--position",
            "245 -30",
            "--counts",
            "H2",
        ]
    )
    path = tmp_path / "fits/orion/mine/snap_1_8_y.fits"
    images = read(path)
    assert SpectralCube.read(path, hdu="ppv").beam.major.to_value("arcsec") == pytest.approx(300)
    with h5py.File(observed) as file:
        values, missing = file["maps"][1, 1][..., ::-1], file["missing"][1, 1][:, ::-1]
    np.testing.assert_array_equal(images["MISSING"].data, missing)
    assert missing.sum() == 10 and np.isfinite(values).all()
    for channel, name in enumerate(["column_density", "v_los", "sigma_v", "b_columns"]):
        there = images[name].data * (2 if name == "column_density" else 1)
        np.testing.assert_array_equal(there, np.where(missing, np.nan, values[channel]))
        header = images[name].header
        assert header["BMAJ"] == header["BMIN"] == pytest.approx(300 / 3600) and header["BPA"] == 0
        assert header["CDELT2"] == pytest.approx(np.degrees(0.11 / 400))
    assert np.isnan(images["ppv"].data[:, missing.astype(bool)]).all()
    head = images["PRIMARY"].header
    assert (head["DISTANCE"], head["OBSNAME"], head["NMISSING"]) == (400, "orion", 10)
    said = words(images["PRIMARY"])
    assert "10 of 100 pixels are missing" in said and "nearest pixel's value" in said
    noise = {name: image.header.get("NOISE") for name, image in images.items()}
    assert noise == {
        **dict.fromkeys(images), "column_density": 5e19, "sigma_v": 0.1
    }  # fmt: skip
    assert images["v_los"].header["RELNOISE"] == 0.1
    assert [images["ppv"].header[f"NOISE{place}"] for place in range(1, 7)] == [0, 0, 5e18, 0, 0, 0]
    assert "BMAJ" in export(observed, tmp_path / "p.fits")["v_los"].header  # in pc, at a distance
    with pytest.raises(InputError, match="was observed at 400 pc, and 140 pc is asked for"):
        export(observed, tmp_path / "x.fits", distance=140)
    assert not (tmp_path / "x.fits").exists()


def test_positions_are_read_as_astronomers_write_them():
    for given in ("04h31m34s +18d08m05s", "04:31:34 +18:08:05", "67.891667, 18.134722",
                  [67.891667, 18.134722], "4 31 34 18 8 5", [-292.108333, 18.134722]):  # fmt: skip
        np.testing.assert_allclose(read_position(given), (67.891667, 18.134722), atol=1e-6)
    for given in (
        "Taurus",
        "67.9",
        "67.9 91",
        "400 0",
        [1, 2, 3],
        "nan 3",
        "",
        {"ra": 1, "dec": 2},
        5,
    ):
        with pytest.raises(InputError, match="is no place in the sky; give RA and DEC"):
            read_position(given)


def test_mistakes_are_one_sentence(maps, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    cases = {
        "--sink 3": "there is no sink 3 in it; its sinks are 7, 8",
        "--distance 140": "distance and position go together",
        "--position 1,2": "distance and position go together",
        "--distance=-3 --position 1,2": "distance: '-3' can't be",
        "--distance nan --position 1,2": "distance: 'nan' can't be",
        "--distance 0.14 --position 1,2": "0.14 pc is too near for a map of 1.1 pc",
        "--counts H3": "counts: 'H3' is none of H, H2 (did you mean",
        "--temperature 10": "thermal: molecule_mass is missing",
        "--molecule-mass 28": "thermal: temperature is missing",
        "--temperature 0 --molecule-mass 28": "temperature: '0' can't be",
        "--temperature 10 --molecule-mass 4.6e-23": "molecule_mass: '4.6e-23' can't be",
        "--output one.fits": "6 of them are asked for",
    }
    for given, expected in cases.items():
        with pytest.raises(SystemExit) as ended:
            main(["fits", str(maps), *given.split()])
        error = capsys.readouterr().err.strip().splitlines()
        assert ended.value.code == 1 and len(error) == 1 and expected in error[0], (given, error)
    for name, expected in (
        ("none.h5", "there is no such file"),
        ("text.h5", "it is no HDF5 file"),
    ):
        (tmp_path / "text.h5").write_text("no HDF5")
        with pytest.raises(SystemExit):
            main(["fits", name])
        assert expected in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["fits", str(maps), "--sinks", "3", "--colour", "red"])
    assert ended.value.code == 2 and "fits has no argument" in capsys.readouterr().err
    # Older files may count H2 under the name of nuclei; and FITS knows no upper case.
    with h5py.File(maps, "r+") as file:
        names = list(file["maps"].attrs["channels"])
        file["maps"].attrs["channels"] = ["V_LOS" if name == "b_rows" else name for name in names]
    with pytest.raises(InputError, match="two images would be called V_LOS"):
        export(maps, tmp_path / "x.fits")
    with h5py.File(maps, "r+") as file:
        file.attrs["hydrogen_mass_g"] *= 2
    with pytest.raises(
        InputError, match=r"count 2\.8 hydrogen atoms of gas as one nucleus; make the"
    ):
        export(maps, tmp_path / "x.fits", counts="H2")
    assert {path.name for path in tmp_path.iterdir()} <= {"run", "m.h5", "text.h5"}


def test_what_fits_has_no_word_for(maps, tmp_path):
    """Letters beyond ASCII, long names, a unit of another spelling, a file without spectra."""
    with h5py.File(maps, "r+") as file:
        file.attrs["description"] = "nuage de poussière\n10 µm " * 9
        file.attrs["simulation"] = "n" * 90
        file["maps"].attrs["channel_units"] = [
            "cm**-2",
            "km/s",
            "km/s",
            "uG",
            "code_magnetic",
            "K",
        ] + ["cm**-2"] * 6
        del file["maps"].attrs["spectra"]  # as before there were FITS files
        file["sink_id"][0] = 2**60 + 1
    images = export(maps, tmp_path / "x.fits", sink=2**60 + 1)
    head = images["PRIMARY"].header
    assert head["SIMULAT"] == "n" * 90 and head["SINKID"] == 2**60 + 1
    assert "nuage de poussiere 10 ?m" in words(images["PRIMARY"])
    assert images["b_rows"].header["BUNIT"] == "code_magnetic"
    assert images["ppv_005"].data.shape == (10, 10)
    assert "at 3.5 to 5 km/s" in words(images["ppv_005"])
