"""Textures against the laws that they are drawn by, and with the identity that flames have."""

import hashlib

import numpy as np
import pytest

from starmass.errors import InputError
from starmass.fractals.generation import create_generator, render_range, render_shard
from starmass.fractals.generators import dead_leaves, gaussian_field, gradient_noise
from starmass.fractals.shards import FractalImages

KINDS = ("gaussian_field", "gradient_noise", "dead_leaves")
f32 = np.float32


def words(seed=0):
    return np.random.SeedSequence(seed).generate_state(4, np.uint64)


def digest(results):
    total = hashlib.sha256()
    for planes, facts in results:
        for values in (*planes.values(), facts["palette"], facts["parameters"]):
            total.update(np.ascontiguousarray(values))
    return total.hexdigest()[:16]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("gaussian_field", "4634343a2ebcedd3"),
        ("gradient_noise", "38631c29a9a55707"),
        ("dead_leaves", "dada6d8a50b01270"),
    ],
)
def test_the_bytes_are_those_of_every_machine(kind, expected):
    generator = create_generator(kind, {"size": 40})
    assert digest(generator.render(3, index) for index in range(12)) == expected
    assert digest(render_range(generator, 3, range(12), threads=3)) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_textures_come_in_shards_like_flames(kind, tmp_path):
    for name, colour in (("colour", True), ("grey", False)):
        summary = render_shard(
            tmp_path / f"{name}.h5",
            generator=kind,
            options={"size": 32, "colour": colour},
            seed=1,
            start=4,
            stop=8,
        )
        assert summary == {"images": 4}
    images, grey = FractalImages([tmp_path / "colour.h5"]), FractalImages([tmp_path / "grey.h5"])
    assert images.shape == (32, 32, 3) and grey.shape == (32, 32, 1)
    assert len({image.tobytes() for image in images}) == 4
    assert np.array_equal(images.planes(2)["images"], grey[2][..., 0])
    assert images.planes(2)["shades"].max() < 32


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0, 11 / 3])
def test_gaussian_fields_have_the_spectrum_asked_for(slope):
    side, powers = 64, np.zeros((64, 64))
    state = words(2)
    for _ in range(20):
        for field in gaussian_field.draw_gaussian_fields(state, side, f32(slope)):
            powers += np.abs(np.fft.fft2(field.astype(float))) ** 2
    k = np.hypot(*np.meshgrid(np.fft.fftfreq(side, 1 / side), np.fft.fftfreq(side, 1 / side)))
    ring = (k >= 2) & (k <= 30)
    fitted = np.polyfit(np.log(k[ring]), np.log(powers[ring]), 1)[0]
    assert fitted == pytest.approx(-slope, abs=0.05)


def test_gaussian_fields_are_gaussian_and_independent():
    first, second = gaussian_field.draw_gaussian_fields(words(3), 128, f32(0))
    for field in (first, second):
        z = (field - field.mean()) / field.std()
        assert abs((z**3).mean()) < 0.06 and abs((z**4).mean() - 3) < 0.15
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.03


@pytest.mark.parametrize("count", [2, 8, 64])
def test_the_transform_is_fourier(count):
    z = np.random.default_rng(count).normal(size=(count, 2)) @ [1, 1j]
    real, imaginary = z.real.astype(f32), z.imag.astype(f32)
    gaussian_field.transform(real, imaginary)
    assert np.allclose(real + 1j * imaginary, np.fft.ifft(z) * count, atol=1e-5 * count)


def test_images_are_cut_from_larger_fields():
    assert [gaussian_field.field_side(size) for size in (16, 63, 64, 336)] == [32, 64, 128, 512]


def test_gradient_noise_is_zero_on_its_lattice_smooth_between_and_without_a_mean():
    gradients = gradient_noise.draw_gradients(words(1), 42)
    assert np.allclose(np.hypot(*gradients), 1, atol=1e-6)
    assert (
        max(
            abs(gradient_noise.gradient_noise(f32(i), f32(j), *gradients))
            for i in range(8)
            for j in range(8)
        )
        == 0
    )
    places = np.random.default_rng(1).uniform(0, 40, (3000, 2)).astype(f32)
    values = np.array([gradient_noise.gradient_noise(x, y, *gradients) for x, y in places])
    assert 0.15 < values.std() < 0.35 and abs(values.mean()) < 0.02 and np.abs(values).max() < 1
    near = np.array(
        [gradient_noise.gradient_noise(x + f32(1e-3), y, *gradients) for x, y in places]
    )
    assert np.abs(near - values).max() < 5e-3


def test_octaves_add_detail():
    detail = [
        np.abs(
            np.diff(gradient_noise.draw_gradient_noise(words(4), 64, f32(3), octaves, f32(0.6)))
        ).mean()
        for octaves in (1, 3, 5)
    ]
    assert detail[0] < 0.7 * detail[1] < 0.7 * detail[2]


@pytest.mark.parametrize("exponent", [3.0, 2.0, 0.5])
def test_leaves_have_the_sizes_asked_for(exponent):
    state, k = words(5), 1 - exponent
    radii = np.sort(
        [dead_leaves.draw_radius(state, f32(2), f32(50), f32(exponent)) for _ in range(4000)]
    )
    law = (radii.astype(float) ** k - 2**k) / (50**k - 2**k)
    # Kolmogorov and Smirnov: the distance of 4000 draws is below this in 999 of 1000 cases.
    assert np.abs(law - (np.arange(4000) + 0.5) / 4000).max() < 1.95 / np.sqrt(4000)


def test_leaves_cover_the_image_as_discs():
    grey, shades, leaves = dead_leaves.draw_dead_leaves(words(6), 96, f32(4), f32(24), f32(3))
    assert leaves > 50 and len(np.unique(grey)) > 20 and shades.max() < 32
    # A leaf is one brightness throughout: most neighbours are alike, and edges are sharp.
    steps = np.abs(np.diff(grey.astype(int)))
    assert 0.6 < (steps == 0).mean() < 0.95 and steps.max() > 100


def test_each_pixel_is_covered_with_the_same_probability_everywhere():
    centre = [
        dead_leaves.draw_dead_leaves(words(seed), 16, f32(2), f32(6), f32(3))[0][[0, 8], [0, 8]]
        for seed in range(800)
    ]
    assert np.abs(np.mean(centre, axis=0) - 127.5).max() < 10.5  # four standard errors


@pytest.mark.parametrize(
    ("kind", "options", "words_"),
    [
        ("gaussian_field", {"slope": [3, 1]}, "'slope': .3.0, 1.0. runs backwards"),
        ("gradient_noise", {"octave": 3}, "did you mean 'octaves'"),
        ("dead_leaves", {"exponent": 1}, "'exponent': 1 has no closed form"),
        ("dead_leafs", {}, "did you mean 'dead_leaves'"),
    ],
)
def test_mistakes_are_sentences(kind, options, words_):
    with pytest.raises(InputError, match=words_):
        create_generator(kind, options)


def test_leaves_that_never_cover_end_in_a_sentence(monkeypatch):
    monkeypatch.setattr(
        "starmass.fractals.generators.dead_leaves.draw_dead_leaves",
        lambda *given: (None, None, dead_leaves.MOST_LEAVES),
    )
    with pytest.raises(InputError, match=r"radius: .* raise the least radius"):
        create_generator("dead_leaves", {"size": 16}).render(0, 0)
