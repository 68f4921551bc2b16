"""One FITS file for each trap of real data: what is refused, what is asked for, what is warned of.

A message names the file, the FITS keyword and the config's key.
"""

import re

import numpy as np
import pytest
from astropy.io import fits
from object_files import SYSTEMIC, UNITS, entry_of, make, simulated, sky, write_images

from starmass.errors import InputError
from starmass.maps.objects.beams import Beam
from starmass.unit_names import parse_unit
from starmass.units import HYDROGEN_ATOM_G

BLANKS = (slice(0, 10), slice(0, 10))


def change(folder, name: str, values=None, **cards) -> None:
    """Change the values or the header of an image; None takes a card away."""
    path = folder / f"{name}.fits"
    image, header = fits.getdata(path), fits.getheader(path)
    for key, value in cards.items():
        key = key.replace("_", "-") if key == "DATE_OBS" else key
        if value is None:
            header.remove(key, ignore_missing=True)
        else:
            header[key] = value
    fits.writeto(path, image if values is None else values(image), header, overwrite=True)


def blanked(value: float):
    def put(image):
        image[BLANKS] = value
        return image

    return put


@pytest.fixture
def folder(tmp_path):
    write_images(tmp_path, simulated(), sky())
    return tmp_path


REFUSED = {
    "a unit that is a logarithm": (
        ("N", np.log10, {"BUNIT": "dex(cm-2)"}), {"column_density": {"log": True}},
        "N.fits", "BUNIT = 'dex(cm-2)' is no unit", "column_density.unit",
    ),
    "noise in the file of the map, not said where": (
        None, {"v_los": {"noise": "V.fits", "file": "V.fits"}}, "V.fits", "is the noise",
        "v_los.noise_hdu",
    ),
    "noise in m/s without a unit": (
        None, {"v_los": {"noise": "fast.fits"}}, "V.fits", "a noise of 50 is over 10 times",
        "v_los.noise in their unit (BUNIT = 'km/s')",
    ),
    "noise as a number of another unit": (
        None, {"column_density": {"noise": 5e23}}, "N.fits", "a noise of 5e+23 is over 10 times",
        "column_density.noise",
    ),
    "noise of another unit": (
        ("S", None, {"BUNIT": "K"}), {"v_los": {"noise": "S.fits"}, "sigma_v": {"unit": "km/s"}},
        "S.fits", "BUNIT = 'K' is no unit of the noise", "v_los.noise",
    ),
    "noise of pixels that lie elsewhere": (
        ("S", None, {"CRPIX1": 12.5}),
        {"v_los": {"noise": "S.fits"}, "sigma_v": {"file": "N.fits", "unit": "km/s"}},
        "S.fits", "CRPIX1 is 12.5", "v_los.noise",
    ),
    "velocities of the source": (
        ("V", None, {"SPECSYS": "SOURCE"}), {}, "V.fits", "SPECSYS = SOURCE", "v_los.file",
    ),
    "text where a number is": (
        ("V", None, {"CRPIX1": "x"}), {}, "V.fits", "CRPIX1 = 'x' is no number", "",
    ),
    "a beam in arcsec in the header": (
        ("N", None, {"BMAJ": 18.0}), {"column_density": {"beam": None}}, "N.fits", "BMAJ",
        "column_density.beam",
    ),
    "an undeclared value for no data": (
        ("V", lambda image: np.where(image > 4.2, -99.0, image), {}), {}, "V.fits",
        "-99 km/s (BUNIT", "v_los.blank",
    ),
    "log10 under cm-2": (
        ("N", np.log10, {}), {}, "N.fits", "BUNIT = 'cm-2'", "column_density.log: true",
    ),
    "log true of values that are none": (
        None, {"column_density": {"log": True}}, "N.fits", "BUNIT", "column_density.log",
    ),
    "a tracer's column density": (
        ("N", lambda image: image * 1e-8, {}), {}, "N.fits", "BUNIT", "column_density.scale",
    ),
    "no unit": (("V", None, {"BUNIT": None}), {}, "V.fits", "BUNIT is missing", "v_los.unit"),
    "a unit that is none": (
        ("N", None, {"BUNIT": "VARIOUS"}), {}, "N.fits", "BUNIT = 'VARIOUS'", "column_density.unit",
    ),
    "a unit of another kind": (
        ("S", None, {"BUNIT": "K"}), {}, "S.fits", "BUNIT = 'K'", "sigma_v.unit",
    ),
    "m/s under km/s": (
        ("V", lambda image: image * 1000, {}), {}, "V.fits", "BUNIT = 'km/s'", "v_los.unit",
    ),
    "0 for no data": (("V", blanked(0.0), {}), {}, "V.fits", "exactly 0 (BUNIT", "v_los.blank: 0"),
    "0 for no column density": (
        ("N", blanked(0.0), {}), {}, "N.fits", "exactly 0 (BUNIT", "column_density.blank: 0",
    ),
    "3.4e38 for no data": (
        ("V", blanked(3.4028e38), {}), {}, "V.fits", "3.403e+38 can't be measured (BUNIT",
        "v_los.blank",
    ),
    "1e8 for no data": (
        ("V", blanked(1e8), {}), {}, "V.fits", "1e+08 km/s (BUNIT", "v_los.blank",
    ),
    "nothing but blanks": (
        ("V", lambda image: image * np.nan, {}), {}, "V.fits", "BLANK", "v_los.blank",
    ),
    "H2 or H": (None, {"column_density": {"counts": None}}, "N.fits", "BUNIT", "counts: H2 or H"),
    "width without kind": (
        None, {"sigma_v": {"kind": None}}, "S.fits", "BUNIT", "sigma_v.kind: sigma or fwhm",
    ),
    "variance in km/s": (
        None, {"sigma_v": {"kind": "variance"}}, "S.fits", "BUNIT", "sigma_v.kind: variance",
    ),
    "fwhm in km2 s-2": (
        ("S", None, {"BUNIT": "km2 s-2"}), {"sigma_v": {"kind": "fwhm"}}, "S.fits", "BUNIT",
        "sigma_v.kind: fwhm",
    ),
    "thermal width": (
        None, {"sigma_v": {"temperature": None}}, "S.fits", "BUNIT",
        "sigma_v.temperature: that of the gas [K], or 0 for none and objects.star.sigma_v.molecule",
    ),
    "molecule": (
        None, {"sigma_v": {"temperature": 15}}, "S.fits", "BUNIT", "give objects.star.sigma_v.mol",
    ),
    "Jy/beam without dust": (
        ("N", None, {"BUNIT": "Jy/beam"}), {}, "N.fits", "(BUNIT) is emission",
        "column_density.dust",
    ),
    "dust without frequency": (
        ("N", None, {"BUNIT": "MJy/sr"}),
        {"column_density": {"dust": {"temperature": 15, "opacity": 0.01}}},
        "N.fits", "RESTFRQ", "column_density.dust.frequency",
    ),
    "Jy/beam without beam": (
        ("N", None, {"BUNIT": "JY/BEAM"}),
        {"column_density": {"dust": {"temperature": 15, "opacity": 0.01, "frequency": 3e11}}},
        "N.fits", "BMAJ", "column_density.beam",
    ),
    "dust for a column density": (
        None, {"column_density": {"dust": {"temperature": 15, "opacity": 0.01}}}, "N.fits",
        "BUNIT", "column_density.dust",
    ),
    "no beam": (None, {"v_los": {"beam": None}}, "V.fits", "BMAJ is missing", "v_los.beam"),
    "another beam": (
        ("V", None, {"BMAJ": 10 / 3600, "BMIN": 10 / 3600}), {"v_los": {"beam": 11}}, "V.fits",
        "BMAJ and BMIN", "v_los.beam",
    ),
    "star outside": (
        None, {"position": [66.0, 18.135]}, "N.fits", "of 64 x 64 (NAXIS1, NAXIS2", "star.position",
    ),
    "large pixels": (
        (None, None, {"CD1_1": -0.05, "CD2_2": 0.05}), {}, "N.fits", "CDELT1", "projection.side",
    ),
    "no coordinates": (
        ("N", None, {"CTYPE1": "LINEAR", "CTYPE2": "LINEAR"}), {}, "N.fits", "CTYPE1",
        "star.column_density",
    ),
    "a cube for an image": (
        ("V", lambda image: np.stack([image] * 2), {}), {}, "V.fits", "NAXIS3 = 2", "star.cube",
    ),
    "no fits": ("text", {}, "N.fits", "no FITS", "column_density.file"),
    "no file": (
        None, {"v_los": {"file": "nowhere.fits"}}, "nowhere.fits", "there is no such file",
        "v_los.file",
    ),
    "noise of other pixels": (
        None, {"v_los": {"noise": "small.fits"}}, "small.fits", "NAXIS1", "v_los.noise",
    ),
    "noise of nothing": (
        None, {"v_los": {"noise": "none.fits"}}, "none.fits", "BUNIT", "v_los.noise",
    ),
    "interferometer": (None, {"largest_scale": 20}, "", "single-dish", "star.largest_scale"),
}  # fmt: skip


@pytest.mark.parametrize("trap", REFUSED)
def test_a_trap_is_refused_with_file_keyword_and_key(folder, monkeypatch, trap):
    made, changes, *words = REFUSED[trap]
    monkeypatch.chdir(folder)
    fits.writeto("small.fits", np.ones((3, 3)), sky(3))
    fits.writeto("none.fits", np.zeros((64, 64)), sky())
    fits.writeto("fast.fits", np.full((64, 64), 50.0), sky())
    if made == "text":
        (folder / "N.fits").write_text("no image")
    elif made:
        name, values, cards = made
        for one in [name] if name else "NVS":
            change(folder, one, values, **cards)
    with pytest.raises(InputError) as refused:
        make(folder, entry_of(folder, **changes))
    text = str(refused.value)
    for word in words:
        assert word in text, text
    assert "objects.star." in text or "maps.projection" in text or "mend the header" in text
    assert not (folder / "maps.h5").exists()


def test_several_images_have_to_be_told_apart(folder):
    hdus = [fits.PrimaryHDU()]
    for name in "NVS":
        data, header = (
            fits.getdata(folder / f"{name}.fits"),
            fits.getheader(folder / f"{name}.fits"),
        )
        hdus.append(fits.ImageHDU(data, header, name=f"MAP_{name}"))
    fits.HDUList(hdus).writeto(folder / "all.fits")
    together = {"file": str(folder / "all.fits")}
    entry = entry_of(folder, column_density=together)
    with pytest.raises(InputError, match=r"all.fits: there are 3 images .*MAP_S.*density\.hdu"):
        make(folder, entry)
    entry["column_density"]["hdu"] = "MAP_K"
    with pytest.raises(InputError, match="'MAP_K' is none of its images"):
        make(folder, entry)
    for hdu in ("map_n", 1):
        entry["column_density"]["hdu"] = hdu
        assert np.allclose(make(folder, entry).maps, make(folder, entry_of(folder)).maps)


def test_all_problems_are_counted(folder):
    entry = entry_of(folder, sigma_v={"kind": None}, v_los={"beam": None})
    with pytest.raises(InputError, match=r"There is another problem; starmass object star lists"):
        make(folder, entry)


def ratio(folder, place: int, **changes) -> float:
    """Median ratio of a channel to the simulated one."""
    return float(
        np.median(make(folder, entry_of(folder, **changes)).maps[place] / simulated()[place])
    )


def test_what_a_column_density_counts(folder):
    assert ratio(folder, 0, column_density={"counts": "H2"}) == pytest.approx(2)
    wanted = {"counts": "H2", "mean_mass": 2.33}
    assert ratio(folder, 0, column_density=wanted) == pytest.approx(2.33 / 1.4)
    change(folder, "N", lambda image: np.log10(image / 1e8))
    wanted = {"counts": "H2", "log": True, "scale": 1e8}
    made = make(folder, entry_of(folder, column_density=wanted))
    assert np.median(made.maps[0] / simulated()[0]) == pytest.approx(2)
    assert "multiplied by 1e+08" in made.said("assumption")


def test_mass_per_area_needs_no_counts(folder):
    mass = 1.4 * HYDROGEN_ATOM_G
    change(folder, "N", lambda image: image * mass, BUNIT="g cm-2")
    assert ratio(folder, 0, column_density={"counts": None}) == pytest.approx(1)
    change(folder, "N", lambda image: image * 4787.0, BUNIT="Msun pc-2")
    assert ratio(folder, 0, column_density={"counts": None}) == pytest.approx(1, rel=1e-3)


def test_dust_emission_becomes_a_column_density(folder):
    """850 um as the literature has it: 10, 15, 30 K give 3.3, 1.6, 0.57 of 20 K."""
    change(folder, "N", lambda image: image * 1e-23, BUNIT="Jy/beam", RESTFRQ=3.527e11)
    found = {}
    for temperature in (10, 15, 20, 30):
        dust = {"temperature": temperature, "opacity": 0.0182}
        wanted = {"dust": dust, "counts": None, "beam": 14.1}
        beams = {"v_los": {"beam": 14.1}, "sigma_v": {"beam": 14.1}}
        found[temperature] = make(folder, entry_of(folder, column_density=wanted, **beams)).maps[0]
    for temperature, expected in ((10, 3.3), (15, 1.6), (30, 0.57)):
        assert np.median(found[temperature] / found[20]) == pytest.approx(expected, rel=0.05)
    # N = I / (Omega B kappa m) in cgs; h nu / k is 16.927 K.
    beam = np.pi / (4 * np.log(2)) * (14.1 / 206265) ** 2
    planck = 2 * 6.62607e-27 * 3.527e11**3 / 2.99792e10**2 / np.expm1(16.927 / 20)
    expected = 1e-23 / beam / planck / 0.0182 / (1.4 * 1.67353e-24)
    image = fits.getdata(folder / "N.fits")[:, ::-1]
    assert np.median(found[20] / image) == pytest.approx(expected, rel=0.001)


def test_the_unit_of_the_config_decides_and_a_contradiction_is_told(folder):
    change(folder, "N", BUNIT="MJy/sr")
    made = make(folder, entry_of(folder, column_density={"unit": "cm-2"}))
    assert "BUNIT = 'MJy/sr', and the unit of the config, cm-2" in made.said("warning")
    assert np.allclose(made.maps[0], simulated()[0], rtol=1e-6)
    change(folder, "V", lambda image: image * 1000, BUNIT=None)
    assert np.allclose(
        make(folder, entry_of(folder, column_density={"unit": "cm-2"}, v_los={"unit": "m/s"})).maps[
            1
        ],
        simulated()[1],
        atol=1e-5,
    )


@pytest.mark.parametrize("text", ["cm-2", "cm^-2", "cm**-2", "1/cm2", "CM-2", "cm^{-2}"])
def test_units_in_any_spelling(text):
    unit = parse_unit(text)
    assert unit is None if "{" in text else unit.is_equivalent("cm-2")


def test_widths_in_any_kind_and_what_is_taken_off(folder):
    for kind, power, factor, unit in (
        ("fwhm", 1, 2.3548, "km/s"),
        (None, 2, 1.0, "km2 s-2"),
        ("variance", 2, 1.0, "km2 s-2"),
    ):
        write_images(folder, simulated(), sky())
        change(folder, "S", lambda image, p=power, f=factor: f * image**p, BUNIT=unit)
        assert ratio(folder, 2, sigma_v={"kind": kind}) == pytest.approx(1, rel=1e-4)
    write_images(folder, simulated(), sky())
    thermal = np.sqrt(1.380649e-16 * 15 / (17 * HYDROGEN_ATOM_G)) / 1e5
    channel = 0.07 / 2.3548
    change(folder, "S", lambda image: np.sqrt(image**2 + thermal**2 + channel**2))
    wanted = {"temperature": 15, "molecule_mass": 17, "channel": 0.07}
    made = make(folder, entry_of(folder, sigma_v=wanted))
    assert np.abs(made.maps[2] / simulated()[2] - 1).max() < 1e-4
    assert "thermal width of 0.0853 km/s" in made.said("assumption") and not made.said("warning")
    made = make(
        folder, entry_of(folder, sigma_v=wanted | {"temperature": 300, "molecule_mass": 17})
    )
    assert "below the 0.38" in made.said("warning") and made.maps[2].min() == 0


def test_blank_values_are_missing(folder):
    change(folder, "V", lambda image: blanked(0.0)(image).astype("f4"))
    made = make(folder, entry_of(folder, v_los={"blank": [0, -99]}))
    assert made.missing[1].sum() == 100 and made.missing[1][:10, -10:].all()
    change(folder, "V", lambda image: blanked(3.4028234e38)(image).astype("f4"))
    made = make(folder, entry_of(folder, v_los={"blank": [3.4028e38, 3.4028235e38]}))
    assert made.missing[1].sum() == 100


@pytest.mark.parametrize(
    ("cards", "config", "words"),
    [
        ({"RADESYS": None, "EQUINOX": 0.0}, None, "EQUINOX = 0.0 can't be"),
        ({"RADESYS": None, "EQUINOX": None}, None, "EQUINOX and RADESYS are missing"),
        ({"RADESYS": None, "EQUINOX": 0.0}, "J2000", ""),
        ({"RADESYS": None, "EQUINOX": 2000.0}, None, ""),
        ({"RADESYS": "FK5", "EQUINOX": None}, None, ""),
    ],
)
def test_an_equinox_that_can_not_be_is_j2000(folder, cards, config, words):
    change(folder, "V", **cards)
    made = make(folder, entry_of(folder, v_los={"equinox": config}))
    assert words in made.said("warning") and bool(made.said("warning")) == bool(words)
    assert np.abs(made.maps[1] - simulated()[1]).max() < 0.02 and not made.missing.any()


def test_b1950_is_another_place(folder):
    from astropy.coordinates import SkyCoord
    from object_files import STAR

    place = SkyCoord(*STAR, unit="deg").transform_to("fk4")
    change(folder, "V", RADESYS=None, EQUINOX=0.0, CRVAL1=place.ra.deg, CRVAL2=place.dec.deg)
    made = make(folder, entry_of(folder, v_los={"equinox": "B1950"}))
    # North of B1950 is turned by 0.2 degrees there: a quarter of a pixel at the corners.
    assert np.abs(made.maps[1] - simulated()[1]).std() < 0.02


def test_frames_of_velocities(folder):
    change(folder, "V", SPECSYS="BARYCENT")
    moved = make(folder, entry_of(folder)).maps[1] - simulated()[1]
    # The sun moves at 20 km/s towards 18h +30 degrees; the star is 140 degrees from there.
    apex = np.radians([270.0, 30.0])
    star = np.radians([67.892, 18.135])
    cosine = np.sin(apex[1]) * np.sin(star[1]) + np.cos(apex[1]) * np.cos(star[1]) * np.cos(
        apex[0] - star[0]
    )
    assert moved.std() < 1e-5 and moved.mean() == pytest.approx(20 * cosine, abs=0.2)
    change(folder, "V", SPECSYS="TOPOCENT")
    assert "SPECSYS = TOPOCENT can't be turned" in make(folder, entry_of(folder)).said("warning")
    change(folder, "V", DATE_OBS="01/02/99")
    assert "SPECSYS = TOPOCENT can't be turned" in make(folder, entry_of(folder)).said("warning")
    site = {"OBSGEO-X": 882589.65, "OBSGEO-Y": -4924872.32, "OBSGEO-Z": 3943729.348}
    for unit in (0.0, 1e-3):
        with fits.open(folder / "V.fits", mode="update") as file:
            nowhere = {key: unit * one for key, one in site.items()}
            file[0].header.update(nowhere | {"DATE-OBS": "2020-01-09T14:20:49.5"})
        assert "TOPOCENT can't be turned" in make(folder, entry_of(folder)).said("warning")
    with fits.open(folder / "V.fits", mode="update") as file:
        file[0].header.update(site | {"DATE-OBS": "2020-01-09T14:20:49.5"})
    made = make(folder, entry_of(folder))
    assert "turn velocities into LSRK" in made.said("note")
    turned = (made.maps[1] - simulated()[1]).mean()
    assert 1 < abs(turned) < 60
    change(folder, "V", SPECSYS="GEOCENTR")  # the earth turns at less than 0.47 km/s
    moved = (make(folder, entry_of(folder)).maps[1] - simulated()[1]).mean()
    assert 0.01 < abs(moved - turned) < 0.47
    change(folder, "V", SPECSYS=None)
    assert "SPECSYS is missing" in make(folder, entry_of(folder)).said("assumption")


def test_noise_is_that_of_the_grid(folder):
    noise = np.full((64, 64), 0.05)
    noise[5, 5] = 0.0
    noise[10:20, 10:20] = 0.2
    fits.writeto(folder / "eV.fits", noise, sky())
    wanted = {"v_los": {"noise": str(folder / "eV.fits")}, "column_density": {"noise": 3e20}}
    made = make(folder, entry_of(folder, **wanted))
    assert made.noise[0] == pytest.approx(3e20)
    assert made.noise[1][30, 30] == pytest.approx(0.05) and made.noise[2].max() == 0
    assert made.noise[1][15, 48] == pytest.approx(0.2)
    counts = {"counts": "H2", "noise": 0.1, "log": True, "scale": 1.0}
    change(folder, "N", np.log10)
    made = make(folder, entry_of(folder, column_density=counts, v_los={"noise": 1.0}))
    assert np.allclose(made.noise[0], 0.1) and list(made.facts["noise_in_dex"]) == [1, 0, 0]
    made = make(
        folder,
        entry_of(folder, column_density=counts, v_los={"noise": 1.0}, sigma_v={"noise": 1.0}),
    )
    assert made.noise.any(axis=(1, 2)).all()


@pytest.mark.parametrize("finer", [2, 4])
def test_noise_is_averaged_with_the_pixels(tmp_path, finer):
    """White noise is drawn in fine pixels; what is left of it is what the file says."""
    rng = np.random.default_rng(1)
    flat = np.ones((3, 64 * finer, 64 * finer)) * np.array([1e22, 0.0, 0.3])[:, None, None]
    flat[1] = 0.1 * rng.standard_normal(flat.shape[1:])
    write_images(tmp_path, flat, sky(64 * finer, finer))
    made = make(tmp_path, entry_of(tmp_path, v_los={"noise": 0.1}))
    assert made.noise[1].mean() == pytest.approx(made.maps[1].std(), rel=0.08)


def test_a_file_that_starmass_wrote_needs_its_counts_alone(folder):
    """Kinds of headers that are right as they are: no warning, no assumption."""
    made = make(folder, entry_of(folder))
    assert made.notes and {note["level"] for note in made.notes} == {"note"}
    assert all(re.match(r"[A-Z/].*\.$", note["text"]) for note in made.notes)
    assert UNITS["v_los"] == "km/s" and made.facts["velocity_kms"] == SYSTEMIC


def test_beams_are_described():
    assert str(Beam(18, 18)) == '18"' and str(Beam(20, 10, 30)) == '20" x 10" at 30 degrees'


def test_scaled_integers_and_blanks_are_read(folder):
    """Files with BSCALE, BZERO or BLANK, which memory can't be mapped to"""
    before = make(folder, entry_of(folder)).maps[2]
    path = folder / "S.fits"
    values, header = fits.getdata(path), fits.getheader(path)
    scaled = fits.PrimaryHDU(values, header)
    scaled.scale("int16", bscale=1e-4)
    scaled.header["BLANK"] = -32768
    scaled.writeto(path, overwrite=True)
    assert np.allclose(make(folder, entry_of(folder)).maps[2], before, atol=1e-4)
    header["BUNIT"] = "m/s"
    fits.writeto(path, np.round(1000 * values).astype(np.uint16), header, overwrite=True)
    assert np.allclose(make(folder, entry_of(folder)).maps[2], before, atol=1e-3)


def test_noise_in_a_unit_and_an_image_of_its_own(folder):
    noise = fits.ImageHDU(np.full((64, 64), 50.0), sky(), name="ERROR")
    noise.header["BUNIT"] = "m/s"
    fits.append(folder / "V.fits", noise.data, noise.header)
    path = str(folder / "V.fits")
    entry = entry_of(folder, v_los={"hdu": 0, "noise": path, "noise_hdu": "ERROR"})
    assert np.allclose(make(folder, entry).noise[1], 0.05)


def test_independent_noise_is_averaged_however_fine_the_pixels(tmp_path):
    flat = np.ones((3, 16, 16)) * np.array([1e22, 0.0, 0.3])[:, None, None]
    found = []
    for finer in (15, 16, 32):
        big = np.repeat(np.repeat(flat, finer, 1), finer, 2)
        write_images(tmp_path, big, sky(16 * finer, finer=finer / 4))
        entry = entry_of(tmp_path, v_los={"noise": 0.05, "noise_width": 0})
        found.append(finer * make(tmp_path, entry, pixels=16).noise[1].mean())
    assert np.allclose(found, 0.05, rtol=0.02)
