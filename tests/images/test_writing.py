"""A set becomes a file of maps like those of simulations, and a list with all of its labels."""

import h5py
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from image_files import noise, write_array, write_labels, write_png

from starmass.errors import InputError
from starmass.evaluation.image_samples import collect_images, show_images, write_shown_images
from starmass.evaluation.preprocessing import Preprocessing
from starmass.evaluation.samples import load_maps, protostars, read_samples, write_table
from starmass.evaluation.splits import draw_split
from starmass.images.writing import FACTS, write_image_set
from starmass.maps import mapping
from starmass.maps.observation import observe_maps
from starmass.pretraining.samples import open_images

MAPS = ["column_density", "v_los", "sigma_v"]
NAMES = ["id", "snapshot", "axis", "mass_msun", "time_yr", "star_velocity", "class"]


def written(folder, images, labels, **entry):
    """Write a set; return its file of maps and its list."""
    paths = folder / "maps.h5", folder / "objects.csv"
    write_image_set(
        output=paths[0],
        objects=paths[1],
        name="mine",
        labels=labels,
        images=images if isinstance(images, list) else [images],
        entry={"folder": isinstance(images, list), **entry},
    )
    return paths


@pytest.fixture
def maps_made_elsewhere(tmp_path):
    """Six maps of two stars at three times, with a channel's velocities of the box."""
    generator = np.random.default_rng(0)
    values = np.abs(generator.normal(size=(6, 3, 8, 8))) * np.array([1e22, 1, 1])[:, None, None]
    rows = [
        [star, f"t{time}", "y", 0.5 + star * time, 1e5 * time, 0.25 * star, f"00{star}"]
        for time in range(3)
        for star in (1, 2)
    ]
    path = write_array(tmp_path / "maps_given.h5", values)
    labels = write_labels(tmp_path / "labels.csv", rows, NAMES)
    return values.astype(np.float32), *written(tmp_path, path, labels, channels=MAPS, side=0.5)


def test_a_file_of_maps_has_what_those_of_simulations_have(maps_made_elsewhere):
    values, maps, _ = maps_made_elsewhere
    assert FACTS == mapping.FACTS
    with h5py.File(maps) as file:
        assert file["maps"].dtype == np.float32 and (file["maps"][:, 0] == values).all()
        assert list(file["maps"].attrs["axes"]) == ["sky"]
        assert list(file["maps"].attrs["channel_units"]) == ["cm**-2", "km/s", "km/s"]
        assert list(file["maps"].attrs["channel_kinds"]) == ["column", "mean", "dispersion"]
        assert (file["velocity"][:, 0] == [0.25, 0.5] * 3).all()
        assert file.attrs["velocity_frame"] == "box" and file.attrs["side_pc"] == 0.5
        assert file.attrs["simulation"] == "mine" and len(file.attrs["pixels_sha256"]) == 64


def test_the_rows_of_a_study_have_all_labels_as_they_were(maps_made_elsewhere, tmp_path):
    values, maps, objects = maps_made_elsewhere
    rows = collect_images(maps, objects, images="mine", minimum_mass=1.6)
    assert list(rows["sink_index"]) == [3, 4, 5]  # 0.5, 0.5, 1.5, 2.5, 2.5, 4.5 Msun
    write_table(tmp_path / "samples.csv", rows)
    samples = read_samples(tmp_path / "samples.csv")
    assert list(samples["class"]) == ["002", "001", "002"] and list(samples["id"]) == [
        "2",
        "1",
        "2",
    ]
    assert list(protostars(samples)) == [1, 0, 1] and samples["time_yr"].dtype == float
    loaded = load_maps(samples)
    assert (loaded.values == values[3:]).all() and loaded.pixel_pc == 0.5 / 8
    assert list(loaded.star_velocity) == [0.5, 0.25, 0.5]
    for by in ("protostar", "snapshot", "row", "time"):
        split = draw_split(samples, by=by, test_fraction=0.4)
        assert set(split["part"]) == {"train", "test"}
    for axes, count in ((["y"], 6), (["x", "z"], 0)):
        if count:
            assert len(collect_images(maps, objects, images="mine", axes=axes)) == count
        else:
            with pytest.raises(InputError, match=r"none of its 6 images has 0\.0 Msun or more and"):
                collect_images(maps, objects, images="mine", axes=axes)


def test_maps_made_elsewhere_are_observed_like_others(maps_made_elsewhere, tmp_path):
    values, maps, objects = maps_made_elsewhere
    seen = {"distance": 140, "beam": 200, "seed": 0, "noise": {"v_los": 0.1}}
    observe_maps(output=tmp_path / "seen.h5", maps=maps, name="far", observation=seen)
    loaded = load_maps(collect_images(tmp_path / "seen.h5", objects, images="mine"))
    assert loaded.values[:, 0].astype(float).std() < 0.5 * values[:, 0].astype(float).std()
    assert loaded.pixel_pc == 0.5 / 8 and list(loaded.star_velocity) == [0.25, 0.5] * 3


@pytest.mark.parametrize("order", [[0, 2, 1, 3], [3, 0, 1, 2], [2, 3, 1, 0]])
def test_a_beam_knows_channels_by_their_names(tmp_path, order):
    names, generator = [*MAPS, "flux"], np.random.default_rng(0)
    maps = np.exp(generator.normal(size=(2, 4, 8, 8))) * np.array([1e22, 1, 1, 9])[:, None, None]
    labels = write_labels(tmp_path / "labels.csv", [[1], [2]], ["mass_msun"])

    def observed(places):
        channels = [names[place] for place in places]
        path = write_array(tmp_path / "given.h5", maps[:, places])
        given, _ = written(tmp_path, path, labels, channels=channels, side=0.5)
        seen = tmp_path / "seen.h5"
        observe_maps(
            output=seen, maps=given, name="far", observation={"distance": 140, "beam": 200}
        )
        with h5py.File(seen) as file:
            return dict(zip(channels, np.moveaxis(file["maps"][:, 0], 1, 0), strict=True))

    usual, other = observed([0, 1, 2, 3]), observed(order)
    assert all((other[name] == usual[name]).all() for name in names)
    for few, words in (([3, 1], "'v_los' depends on column"), ([0, 2], "'sigma_v' depends on v")):
        with pytest.raises(InputError, match=rf"far\.beam: what a beam makes of {words}"):
            observed(few)


def test_images_of_unknown_size_are_refused_where_a_length_is_needed(tmp_path):
    path = write_array(tmp_path / "given.h5", np.ones((3, 3, 8, 8)))
    labels = write_labels(tmp_path / "labels.csv", [[1], [2], [3]], ["mass_msun"])
    maps, objects = written(tmp_path, path, labels, channels=MAPS)
    write_table(tmp_path / "samples.csv", collect_images(maps, objects, images="mine"))
    loaded = load_maps(read_samples(tmp_path / "samples.csv"))
    assert np.isnan(loaded.pixel_pc) and not loaded.star_velocity.any()
    assert Preprocessing().transform(loaded).shape == (3, 3, 8, 8)
    with pytest.raises(InputError, match="log_gradient is per pc, and the images have no size"):
        Preprocessing(v_los="log_gradient").transform(loaded)
    seen = {"distance": 140, "beam": 200}
    with pytest.raises(InputError, match=r"observations\.far\.beam: the images of .* have no size"):
        observe_maps(output=tmp_path / "seen.h5", maps=maps, name="far", observation=seen)
    seen["beam"] = 0
    observe_maps(output=tmp_path / "seen.h5", maps=maps, name="far", observation=seen)
    with h5py.File(tmp_path / "seen.h5") as file:
        assert (file["maps"][:] == 1).all() and file.attrs["beam_pixels"] == 0


@pytest.mark.parametrize(
    ("units", "words"),
    [
        (["cm-2", "km/s", "km s-1"], None),
        (["H cm-2", "", "counts of it"], None),
        (
            ["cm-2", "m/s", "km/s"],
            r"0\.fits: it holds values in m/s \(BUNIT\), and the channel v_los",
        ),
        (
            ["g cm-2", "km/s", "km/s"],
            r"in g cm-2 \(BUNIT\), and the channel column_density is in cm",
        ),
    ],
)
def test_fits_files_are_in_the_units_of_their_channels(tmp_path, units, words):
    planes = [fits.ImageHDU(np.ones((8, 8)), fits.Header({"BUNIT": unit})) for unit in units]
    fits.HDUList([fits.PrimaryHDU(), *planes]).writeto(tmp_path / "0.fits")
    labels = write_labels(tmp_path / "labels.csv", [["0.fits", 1]])
    if words is None:
        assert all(
            path.is_file()
            for path in written(tmp_path, [tmp_path / "0.fits"], labels, channels=MAPS)
        )
        return
    with pytest.raises(InputError, match=words):
        written(tmp_path, [tmp_path / "0.fits"], labels, channels=MAPS)


def test_fits_files_of_a_set_are_in_one_unit(tmp_path):
    units = ["", "Jy/beam", "JY/BEAM", "mJy/beam"]
    files = [tmp_path / f"{at}.fits" for at in range(len(units))]
    for path, unit in zip(files, units, strict=True):
        fits.writeto(path, np.ones((8, 8)), fits.Header({"BUNIT": unit}))
    labels = write_labels(tmp_path / "labels.csv", [[path.name, 1] for path in files])
    with pytest.raises(InputError, match=r"3\.fits: it holds values in mJy/beam .* is in Jy/beam;"):
        written(tmp_path, files, labels)
    with pytest.raises(InputError, match=r"1\.fits: .* the channel flux is in mJy/beam; convert"):
        written(tmp_path, files, labels, channels=["flux"], units={"flux": "mJy/beam"})


@pytest.mark.parametrize(
    ("shapes", "squares"),
    [([(8, 12), (8, 12)], [8]), ([(8, 8), (6, 6)], [6, 8]), ([(8, 8), (8, 8)], None)],
)
def test_squares_that_boxes_depend_on_are_kept(tmp_path, shapes, squares):
    files = [write_png(tmp_path / f"{at}.png", noise(*one)) for at, one in enumerate(shapes)]
    labels = write_labels(tmp_path / "labels.csv", [[path.name, 1] for path in files])
    maps, _ = written(tmp_path, files, labels, size=4)
    with h5py.File(maps) as file:
        assert (list(file.attrs["squares"]) if squares else file.attrs.get("squares")) == squares


def test_labels_and_images_are_as_many(tmp_path):
    path = write_array(tmp_path / "given.h5", np.ones((3, 8, 8)))
    labels = write_labels(tmp_path / "labels.csv", [[1], [2]], ["mass_msun"])
    with pytest.raises(InputError, match=r"holds 3 images, and .*labels.csv has 2 lines of labels"):
        written(tmp_path, path, labels)
    assert not (tmp_path / "maps.h5").exists() and not (tmp_path / "objects.csv").exists()


def test_a_set_without_masses_can_be_learnt_from_and_not_studied(tmp_path):
    files = [write_png(tmp_path / f"{at}.png", noise(16, 16, 3, seed=at)) for at in range(4)]
    labels = write_labels(tmp_path / "labels.csv", [[f.name, "FRI"] for f in files], ["file", "c"])
    maps, objects = written(tmp_path, files, labels, size=8)
    assert list(pd.read_csv(objects)["c"]) == ["FRI"] * 4
    with pytest.raises(InputError, match=r"images\.mine: its labels have no mass"):
        collect_images(maps, objects, images="mine")
    shown = show_images(maps, Preprocessing(channels=("blue", "red")))
    assert shown.shape == (4, 2, 8, 8) and shown.min() == 0 and shown.max() == 1
    write_shown_images(tmp_path / "shown.h5", shown, provenance="{}")
    images = open_images([tmp_path / "shown.h5"])
    assert images.shape == (8, 8, 2) and len(images) == 4 and images[3].dtype == np.uint8
    assert (images[3] == np.round(255 * shown[3]).transpose(1, 2, 0)).all()


def test_an_object_at_two_times_is_observed_with_other_noise(tmp_path):
    path = write_array(tmp_path / "given.h5", np.ones((2, 8, 8)))
    labels = write_labels(tmp_path / "labels.csv", [[7, "a", 1], [7, "b", 2]], [*NAMES[:2], "M"])
    maps, _ = written(tmp_path, path, labels)
    seen = {"distance": 140, "beam": 0, "noise": {"grey": 0.1}}
    observe_maps(output=tmp_path / "seen.h5", maps=maps, name="far", observation=seen)
    with h5py.File(tmp_path / "seen.h5") as file:
        first, second = file["maps"][:, 0, 0]
    assert first.std() == pytest.approx(0.1, rel=0.3) and (first != second).all()
