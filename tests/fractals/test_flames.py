"""Image i of a seed, whoever asks for it."""

import hashlib

import numpy as np
import pytest

from starmass.errors import InputError
from starmass.fractals.generation import create_generator, render_range
from starmass.fractals.generators.flame import Generator, Options

SMALL = Options(size=48)


@pytest.fixture(scope="module")
def rendered():
    return [Generator(SMALL).render(3, index) for index in range(40)]


def digest(results):
    total = hashlib.sha256()
    for planes, facts in results:
        for values in (*planes.values(), *(np.asarray(facts[name]) for name in sorted(facts))):
            total.update(np.ascontiguousarray(values))
    return total.hexdigest()


def test_the_bytes_are_those_of_every_machine(rendered):
    # Rendered with AVX-512, AVX2 and plain x86-64 code alike; another hash is a new set of images.
    assert digest(rendered) == "f96fbaa10bfb5165a659b4be56b0d6de93670839912b9d02dd4a8e17d82f9124"


def test_threads_and_order_change_nothing(rendered):
    generator = Generator(SMALL)
    assert digest(render_range(generator, 3, range(40), threads=3)) == digest(rendered)
    assert digest(
        [generator.render(3, index) for index in reversed(range(20, 40))][::-1]
    ) == digest(rendered[20:])


def test_images_meet_what_was_asked(rendered):
    for planes, facts in rendered:
        assert (
            planes["images"].shape == planes["shades"].shape == (48, 48)
            and planes["images"].dtype == np.uint8
        )
        assert facts["coverage"] >= np.float32(0.8) and facts["contrast"] >= np.float32(0.15)
        # Dim pixels are never rounded to black, so the share of bright ones is the coverage.
        assert (planes["images"] > 0).mean() == pytest.approx(facts["coverage"])
        assert facts["rejections"].sum() == facts["candidate"]
        assert facts["points"] >= SMALL.points


def test_seeds_and_indices_give_different_images(rendered):
    assert len({planes["images"].tobytes() for planes, _ in rendered}) == 40
    other = Generator(SMALL).render(4, 0)[0]["images"]
    assert not np.array_equal(other, rendered[0][0]["images"])


@pytest.mark.parametrize(
    "options",
    [
        {"sampler": "rotation_shift"},
        {
            "variations": ["linear"],
            "maps": [3, 3],
            "coverage": 0.3,
            "preview_coverage": 0.3,
            "contrast": 0,
        },
        {"post_transforms": 1.0},
        {"symmetry": 1.0},
        {"colour": False},
        {"variations": "classic", "frame": [0.1, 0.9]},
        {"points_per_pixel": 30, "gamma": 2.2},
    ],
    ids=str,
)
def test_every_option_renders(options):
    planes, facts = create_generator("flame", {"size": 32, **options}).render(0, 0)
    assert planes["images"].any() and ("shades" in planes) is options.get("colour", True)
    assert facts["coverage"] >= options.get("coverage", 0.8)


def test_affine_fractals_are_what_linear_alone_gives():
    options = {
        "size": 32,
        "variations": ["linear"],
        "coverage": 0.2,
        "preview_coverage": 0.2,
        "contrast": 0,
    }
    _, facts = create_generator("flame", options).render(0, 0)
    assert set(facts["pairs"][:, 0]) == {0}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sampler": "sigma_facto"}, "'sigma_facto' is none of .*did you mean 'sigma_factor'"),
        ({"maps": [4, 2]}, "'maps': .4, 2. runs backwards"),
        ({"variations_per_system": [0, 2]}, "variations_per_system"),
        ({"frame": [0.9, 0.1]}, "frame"),
        ({"size": 8}, "'size': 8 is less than 16"),
        ({"points_per_pixel": 100_000}, "points_per_pixel"),
        ({"variations": ["bubbel"]}, "did you mean 'bubble'"),
        ({"contarst": 1}, "'contarst' is unknown .did you mean 'contrast'"),
    ],
)
def test_mistakes_are_sentences(options, words):
    with pytest.raises(InputError, match=words):
        create_generator("flame", options)


def test_an_unknown_generator_is_named():
    with pytest.raises(InputError, match=r"'flam': unknown .did you mean 'flame'"):
        create_generator("flam", {})


def test_what_no_candidate_can_reach_ends_in_a_sentence(monkeypatch):
    monkeypatch.setattr("starmass.fractals.generators.flame.MOST_CANDIDATES", 20)
    with pytest.raises(
        InputError,
        match=r"none of 20 candidates for image 0 of seed 0 .*sparse_preview.*lower coverage",
    ):
        Generator(Options(size=16, coverage=1.0, preview_coverage=1.0, points_per_pixel=1)).render(
            0, 0
        )
