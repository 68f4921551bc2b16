# Mathematics to images: every shard is a range of indices, and image i of a seed is the same in any shard.
from functools import cache


def images_entry(images):
    """A named entry of the config's section `fractals.images`."""
    return named_entry("fractals", "images", images)


@cache  # every job asks
def shard_ranges(images):
    """First and last-but-one index of each shard of an entry, by the shard's name in the path."""
    entry = images_entry(images)
    count, size = entry["count"], entry.get("images_per_shard", 10000)
    return {
        f"{number:04d}": [start, min(start + size, count)]
        for number, start in enumerate(range(0, count, size))
    }


def shard_files(images):
    """Paths of all shards of an entry."""
    return [f"results/fractals/{images}/shard-{shard}.h5" for shard in shard_ranges(images)]


def shard_range(wildcards):
    ranges = shard_ranges(wildcards.images)
    if wildcards.shard not in ranges:
        refuse(
            f"results/fractals/{wildcards.images}/shard-{wildcards.shard}.h5: this set has {len(ranges)} shards,"
            f" {next(iter(ranges))} to {list(ranges)[-1]}; ask for one of them or raise fractals.images.{wildcards.images}.count."
        )
    return ranges[wildcards.shard]


rule render_fractals:
    output:
        "results/fractals/{images}/shard-{shard}.h5",
    log:
        "logs/fractals/{images}/shard-{shard}.log",
    benchmark:
        "benchmarks/results/fractals/{images}/shard-{shard}.tsv"
    threads: config["fractals"].get("threads", 2)
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        # A shard of the paper's 10,000 images takes a minute or less.
        runtime=lambda wildcards, attempt: (
            5 + images_entry(wildcards.images).get("images_per_shard", 10000) // 2000
        )
        * attempt,
    params:
        # Neither the number of images nor of shards: a set that grows keeps the shards that it has.
        config=lambda wildcards: {
            k: v
            for k, v in images_entry(wildcards.images).items()
            if k not in ("count", "images_per_shard")
        },
        range=shard_range,
        code=code_digest(
            "workflow/scripts/render_fractals.py",
            lambda wildcards: [
                f"starmass.fractals.generators.{images_entry(wildcards.images)['generator']}"
            ],
        ),
    message:
        "Rendering fractal images {wildcards.images}, shard {wildcards.shard}"
    script:
        "../scripts/render_fractals.py"


rule review_fractals:
    input:
        lambda wildcards: shard_files(wildcards.images),
    output:
        csv=report(
            "results/tables/fractals/{images}.csv",
            caption="../report/fractals_table.rst",
            category="Tables",
            labels={"result": "Images {images}: accepted and rejected, as CSV"},
        ),
        md="results/tables/fractals/{images}.md",
        pdf="results/figures/fractals/{images}.pdf",
        png=report(
            "results/figures/fractals/{images}.png",
            caption="../report/fractals.rst",
            category="Figures",
            labels={"result": "Images {images}"},
        ),
    log:
        "logs/figures/fractals/{images}.log",
    benchmark:
        "benchmarks/results/figures/fractals/{images}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=lambda wildcards: images_entry(wildcards.images),
        code=code_digest("workflow/scripts/review_fractals.py"),
    message:
        "Looking over fractal images {wildcards.images}: contact sheet, likeness, what was rejected"
    script:
        "../scripts/review_fractals.py"


rule fractals:
    input:
        [path for images in DECLARED["fractals"]["images"] for path in shard_files(images)],
        expand("results/figures/fractals/{images}.png", images=DECLARED["fractals"]["images"]),
    message:
        "Fractal images of every entry are in results/fractals/, contact sheets in results/figures/fractals/."
