"""From FITS files to a mass: the same as an ordinary study's; real maps; mirrored maps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from map_files import REFERENCE, synthetic_simulation, write_reference_maps
from object_files import entry_of, make, simulated, sky, write_images
from test_real_maps import ELIAS_29, VLA_1623A, h_mm1, l1688

from starmass.encoders import EncoderDescription, create_encoder
from starmass.evaluation.encoding import encode_maps
from starmass.evaluation.feature_kinds import features_of
from starmass.evaluation.objects import append, read_object_maps, split_for_object
from starmass.evaluation.preprocessing import Preprocessing
from starmass.evaluation.regression import predict
from starmass.evaluation.samples import collect_samples, load_maps, log_mass, protostars
from starmass.evaluation.statistics import describe
from starmass.evaluation.verdict import judge
from starmass.maps.as_observed import observe_like_object
from starmass.maps.observation import observe_maps

STATISTICS = {"kind": "statistics", "statistics": ["central", "profile"]}
NOISE = {"column_density": 5e20, "v_los": 0.05, "sigma_v": 0.05}


@pytest.mark.parametrize("v_los", ["log_gradient", "relative"])
def test_the_prediction_is_that_of_the_ordinary_study(tmp_path, v_los):
    """A beam and noise, once by maps.observations, once by FITS files and the object's own way"""
    shown = {"column_density": "log10", "v_los": v_los, "sigma_v": "log10"}
    bare = synthetic_simulation(tmp_path / "a", "a", 1) + synthetic_simulation(
        tmp_path / "b", "b", 2
    )
    seen = []
    for path in map(Path, bare):
        observed = tmp_path / "seen" / path.parent.name / path.name
        observation = {"distance": 140, "beam": 100, "seed": 0, "noise": NOISE}
        observe_maps(output=observed, maps=path, name="o", observation=observation)
        seen.append(observed)
    samples = collect_samples(seen)
    maps, labels, groups = load_maps(samples), log_mass(samples), protostars(samples)
    star, row = groups[0], 0
    train = np.flatnonzero(groups != star)

    def of(table, rows):
        parts = np.where(np.isin(np.arange(len(table)), rows), "train", "test")
        return table[["row"]].assign(fold=0, part=parts)

    features = features_of(STATISTICS, of(samples, train), lambda: maps, preprocessing=[shown])[0]
    ordinary = predict(features, labels, groups, train, np.array([row]), regressor="ridge").values

    image = maps.values[row].astype(float)
    image[1] -= maps.star_velocity[row]
    size = {"pixels": 16}
    write_images(tmp_path, image, sky(16, finer=16 / 64))
    noises = {name: {"beam": 100, "noise": NOISE[name], "noise_width": 0} for name in NOISE}
    make(tmp_path, entry_of(tmp_path, **noises), **size)
    own = read_object_maps(tmp_path / "maps.h5")
    places = {"a": bare[:3], "b": bare[3:]}
    written = observe_like_object(
        folder=tmp_path / "like", object_maps=tmp_path / "maps.h5", maps=places
    )
    rows = collect_samples(written)
    rows = rows[protostars(rows) != star].reset_index(drop=True)
    rows["row"] = np.arange(len(rows))
    split = split_for_object(rows, len(own.maps))
    last = split.table[split.table["fold"] == split.final].assign(fold=0)
    features = features_of(
        STATISTICS, last, lambda: append(load_maps(rows), own.maps), preprocessing=[shown]
    )[0]
    known = np.append(log_mass(rows), np.full(len(own.maps), np.nan))
    who = np.append(protostars(rows), np.full(len(own.maps), -1))
    numbers = np.arange(len(rows))
    found = predict(features, known, who, numbers, np.array([len(rows)]), regressor="ridge").values
    assert found == pytest.approx(ordinary, abs=1e-3)


def test_an_encoder_tells_a_mirrored_map_and_statistics_do_not(tmp_path):
    """East is where it is in simulated maps: otherwise encoders see clouds that turn backwards"""
    maps = simulated()
    read = {}
    for name, image in (("right", maps), ("mirrored", maps[:, :, ::-1])):
        folder = tmp_path / name
        folder.mkdir()
        write_images(folder, image, sky())
        make(folder, entry_of(folder))
        read[name] = read_object_maps(folder / "maps.h5").maps
    simulation = replace(read["right"], values=maps[None].astype(np.float32))
    way = Preprocessing(column_density="log10", v_los="relative", sigma_v="log10", scaling="map")
    tiny = EncoderDescription(
        "vit_tiny_patch16_224", 64, 8, width=24, arguments={"depth": 2, "num_heads": 2}
    )
    encoder = (create_encoder(tiny, seed=0).eval(), tiny)

    def of(one):
        shown = way.transform(replace(one, values=one.values[:1], star_velocity=np.zeros(1)))
        limits = way.find_limits(shown, np.array([0]))
        low, high = limits[..., 0, None, None], limits[..., 1, None, None]
        scaled = ((shown - low) / (high - low)).astype(np.float32)
        statistics = describe(shown, statistics=["profile"])
        return encode_maps(encoder, scaled, way, "mean")[0], statistics[0]

    tokens, statistics = of(simulation)
    for name, same in (("right", True), ("mirrored", False)):
        seen, numbers = of(read[name])
        assert numbers == pytest.approx(statistics, rel=1e-4, abs=1e-4)
        distance = np.linalg.norm(seen - tokens) / np.linalg.norm(tokens)
        assert distance < 1e-4 if same else distance > 1e-2


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    if not REFERENCE.is_file():
        pytest.skip(f"no {REFERENCE}: set STARMASS_RAMSES_DATA to its folder")
    return write_reference_maps(tmp_path_factory.mktemp("ramses_a"))


@pytest.mark.parametrize(
    "entry, verdict",
    [
        (lambda folder: l1688(folder, VLA_1623A), "outside"),
        (lambda folder: l1688(folder, ELIAS_29), "refused"),
        (h_mm1, "refused"),
    ],
    ids=["VLA 1623A", "Elias 29", "H-MM1"],
)
def test_verdicts_on_real_maps(observed, reference, tmp_path, entry, verdict):
    """A protostar whose column density is a guess, one without data, and a core without a star"""
    make(tmp_path, entry(observed))
    written = observe_like_object(
        folder=tmp_path / "like",
        object_maps=tmp_path / "maps.h5",
        maps={"ramses_a": reference},
    )
    samples = collect_samples(written, minimum_mass=0.1)
    found = judge(samples, load_maps(samples), read_object_maps(tmp_path / "maps.h5"))
    assert found.verdict == verdict
    assert found.false_alarms["protostar"] <= 0.05
