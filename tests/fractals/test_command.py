"""``python -m starmass.fractals``: renders a range, shows a bar, speaks in sentences."""

import json

import pytest

from starmass.fractals.__main__ import main
from starmass.fractals.shards import FractalImages


def test_a_range_is_rendered_with_a_bar_and_a_summary(tmp_path, capsys):
    (tmp_path / "options.yaml").write_text("sampler: rotation_shift\n")
    out = tmp_path / "new" / "shard.h5"
    main(
        [
            "--seed",
            "2",
            "--start",
            "3",
            "--stop",
            "6",
            "--size",
            "32",
            "--options",
            str(tmp_path / "options.yaml"),
            "--out",
            str(out),
        ]
    )
    error = capsys.readouterr().err
    summary = json.loads(error.splitlines()[-1].split(": ", 1)[1])
    assert "3/3" in error and summary["images"] == 3 and summary["candidates"] >= 3
    assert list(FractalImages([out]).indices) == [3, 4, 5]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--stop", "0"], "no images lie in this range"),
        (["--stop", "2", "--generator", "flam"], "did you mean 'flame'"),
        (["--stop", "2", "--options", "{folder}/none.yaml"], "none.yaml: there is no such file"),
        (["--stop", "2", "--options", "{folder}/list.yaml"], "list.yaml: holds no options"),
    ],
)
def test_mistakes_are_one_sentence(tmp_path, capsys, arguments, words):
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(SystemExit) as ended:
        main([*(a.format(folder=tmp_path) for a in arguments), "--out", str(tmp_path / "x.h5")])
    error = capsys.readouterr().err
    assert ended.value.code == 1 and words in error and len(error.strip().splitlines()) == 1
    assert not (tmp_path / "x.h5").exists()
