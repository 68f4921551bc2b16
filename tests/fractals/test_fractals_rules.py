"""The rules: a broken shard is named, rendering it again restores it and it alone; a million images
are planned in seconds.
"""

import re

import h5py
import hdf5plugin  # noqa: F401  (the shards are compressed with it)

OVERLAY = {
    "fractals": {
        "threads": 1,
        "images": {
            "tiny": {"generator": "flame", "count": 7, "images_per_shard": 4, "size": 32, "seed": 2}
        },
    }
}
SHEET = "results/fractals/tiny/review.png"


def contents(path):
    """All that a shard holds but what its provenance says of the commit, which may move while tests
    run.
    """
    with h5py.File(path) as file:
        attributes = {name: value for name, value in file.attrs.items() if name != "provenance"}
        return (
            {name: file[name][()].tobytes() for name in file},
            attributes,
            file.attrs["provenance"],
            path.read_bytes(),
        )


def test_a_broken_shard_is_named_and_rendering_it_again_restores_it(run_snakemake, tmp_path):
    done = run_snakemake(tmp_path, "-c1", SHEET, overlay=OVERLAY)
    assert done.returncode == 0, done.stderr
    first, second = (
        tmp_path / f"results/fractals/tiny/shard-{number:04d}.h5" for number in range(2)
    )
    before, untouched = contents(second), first.stat().st_mtime_ns
    with h5py.File(second, "r+") as file:
        file["images"][1, 5, 5] ^= 1
    done = run_snakemake(tmp_path, SHEET, "-c1", "--forcerun", "review_fractals", overlay=OVERLAY)
    assert done.returncode == 1
    log = (tmp_path / "logs/fractals/tiny/review.log").read_text()
    assert re.fullmatch(
        r"starmass: results/fractals/tiny/shard-0001\.h5: image 5 differs from its checksum;"
        r" .*render it again\.\n",
        log,
    )
    second.unlink()
    done = run_snakemake(tmp_path, "-c1", SHEET, overlay=OVERLAY)
    assert done.returncode == 0, done.stderr
    after = contents(second)
    assert after[:2] == before[:2] and first.stat().st_mtime_ns == untouched
    assert after[3] == before[3] or after[2] != before[2]
    assert (
        (tmp_path / "results/fractals/tiny/review.csv")
        .read_text()
        .splitlines()[-1]
        .startswith("all,7,")
    )


def test_a_million_images_in_a_thousand_shards_are_planned(run_snakemake, tmp_path):
    overlay = {
        "fractals": {
            "images": {
                "million": {
                    "generator": "flame",
                    "count": 1_000_000,
                    "images_per_shard": 1000,
                    "size": 336,
                }
            }
        }
    }
    done = run_snakemake(
        tmp_path,
        "results/fractals/million/review.png",
        "--dry-run",
        "--quiet",
        "rules",
        overlay=overlay,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^render_fractals +1000$", done.stdout + done.stderr, re.MULTILINE)
