import h5py
import numpy as np
import pytest

from starmass.errors import InputError
from starmass.reporting.figures.attention import attended, choose_heads
from starmass.reporting.figures.segments import read_explained
from starmass.reporting.inputs import read_examples, read_segmentation
from starmass.reporting.summary import segments_finding


@pytest.fixture
def file(tmp_path):
    """Return ``write(**changes)``: a segmentation of one example with seven heads, each attending
    to one token more than the last.
    """

    def write(**changes):
        path = tmp_path / "segmentation.h5"
        attention = np.full((1, 8, 4, 4), 1 / 16)
        masks = [(np.arange(16) < 8 - head).reshape(4, 4) for head in range(8)]
        whole = {
            "row": [0],
            "colours": np.zeros((1, 4, 4, 3)),
            "explained": [0.3, 0.2, 0.1],
            "segments": np.ones((1, 4, 4), int),
        }
        whole |= {"attention": attention, "attended": np.stack(masks)[None], **changes}
        with h5py.File(path, "w") as stored:
            for name, values in whole.items():
                if values is not None:
                    stored[name] = values
            stored.attrs.update(segment_count=4, side_pc=0.25, attention_mass=0.6)
        return path

    return write


def test_an_unknown_row_is_one_sentence(tmp_path, drawn, file):
    with pytest.raises(InputError, match="row 999 is not in"):
        drawn(tmp_path, "segmentation", segmentation=file(row=[999]))


def test_colours_are_held_between_0_and_1(file):
    found = read_segmentation(file(colours=np.array([-1.0, 0.5, 2.0]).reshape(1, 1, 1, 3)))
    np.testing.assert_array_equal(found.colours.ravel(), [0, 0.5, 1])
    assert found.side == 0.25


def test_heads_that_look_closest_are_shown(file):
    found = read_segmentation(file())
    assert choose_heads(found) == [
        2,
        3,
        4,
        5,
        6,
    ]  # the mean over heads stands last and is none of them
    shown = attended(found, 0, 3)
    assert (
        np.nansum(shown) == pytest.approx(5) and np.isnan(shown).sum() == 11
    )  # 1 is an even spread


def test_without_a_class_token_figure_3_stands_and_figure_7_says_why_not(tmp_path, drawn, file):
    path = file(attention=None, attended=None)
    assert drawn(tmp_path, "segmentation", segmentation=path)["png"].is_file()
    with pytest.raises(
        InputError,
        match=r"no class token whose attention could be shown; set .*attention_mass to null",
    ):
        drawn(tmp_path, "attention", segmentation=path)


def test_images_of_any_channels_are_drawn_as_the_encoder_sees_them(tmp_path, drawn, file):
    """Without side, mass or map files: the class stands beside each."""
    samples = tmp_path / "objects.csv"
    samples.write_text(
        "row,simulation,snapshot,sink_id,axis,mass_msun,age_yr,map_file,sink_index,axis_index,kind\n"
        "0,sky,sky,0,sky,,,none.h5,0,0,$bent$ & broken\n"
    )
    target = {"kind": "classes", "column": "kind", "name": "morphology"}
    for channels in (1, 3, 5):
        path = file(shown=np.random.default_rng(0).random((1, channels, 16, 16)))
        with h5py.File(path, "r+") as stored:
            stored.attrs["side_pc"] = np.nan
        found, (row,) = read_examples(path, samples, target)
        assert row.picture and not row.sized and row.label == "$bent$ & broken"
        assert found.side == row.side == 16 and row.channels.shape == (channels, 16, 16)
        folder = tmp_path / str(channels)
        options = {"segmentation": path, "samples": samples, "target": target}
        for figure in ("segmentation", "attention"):
            words = {"brightness": "grey"} if figure == "segmentation" else {}
            assert drawn(folder, figure, **options, **words)["png"].is_file()


def test_segments_of_other_channels_are_drawn(tmp_path, drawn):
    numbers = "0.5,0.4,0.6,0.1,9,5"
    quantities = [("area_fraction", "1"), ("u", "nanomaggy"), ("g", ""), ("distance", "pixel")]
    lines = [
        f"{segment},{name},{unit},{numbers}" for segment in (1, 2) for name, unit in quantities
    ]
    head = "segment,quantity,unit,mean,mean_low,mean_high,spread,n_maps,n_protostars"
    (tmp_path / "segments.csv").write_text("\n".join([head, *lines, ""]))
    ways = ("tokens", "random_weights", "pixels", "rings")
    lines = [f"{way},{name},0.5,0.4,0.6,0.1,0.05,0.2,9,5" for way in ways for name in ("u", "g")]
    head = "segments,quantity,eta2,eta2_low,eta2_high,eta2_difference,eta2_difference_low"
    head += ",eta2_difference_high,n_maps,n_protostars"
    (tmp_path / "explained.csv").write_text("\n".join([head, *lines, ""]))
    files = {name: tmp_path / f"{name}.csv" for name in ("segments", "explained")}
    assert drawn(tmp_path, "segments", **files)["png"].is_file()
    told = segments_finding(read_explained(files["explained"]), "figure 4")
    assert "of the channels, 0.50 [0.40, 0.60] of u, " in told
    assert "Against rings about the middle: more of u (" in told


def test_a_file_of_another_version_is_one_sentence(tmp_path, drawn, file):
    with pytest.raises(InputError, match=r"segmentation.*: not a file of its kind"):
        drawn(tmp_path, "segmentation", segmentation=file(segments=None))
