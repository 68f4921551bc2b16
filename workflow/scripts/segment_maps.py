from functools import partial

from starmass.console import job

with job(snakemake.log[0]) as log:
    from starmass.evaluation.attention import attend_maps
    from starmass.evaluation.encoding import encode_maps, encoder_options, read_encoder
    from starmass.evaluation.preprocessing import Preprocessing
    from starmass.evaluation.samples import load_maps, write_table
    from starmass.evaluation.segmentation import (
        ATTENTION_MASS,
        fit_baselines,
        segment,
        show_maps,
        tabulate_segments,
        write_segmentation,
    )
    from starmass.evaluation.segments import shows_gas
    from starmass.evaluation.splits import read_split
    from starmass.evaluation.targets import read_target
    from starmass.provenance import provenance_json
    from starmass.spacing import spread_evenly

    config = snakemake.params.config
    entry, preprocessing = config["features"], Preprocessing(**config["preprocessing"])
    wanted = dict(config["segmentation"])
    mass, most = wanted.pop("attention_mass", ATTENTION_MASS), wanted.pop("test_maps", None)
    target, samples = read_target(snakemake.input.samples, config.get("target", {}))
    maps = load_maps(samples)
    shown = show_maps(maps, read_split(snakemake.input.split, samples), preprocessing)
    path, options = snakemake.input.get("encoder"), encoder_options(entry)
    drawn = options["weights"] == "random"
    encoder = read_encoder(path, **options)
    untrained = read_encoder(path, **{**options, "weights": "random"}, seed=int(drawn))
    encode, encode_untrained = (
        partial(encode_maps, one, preprocessing=preprocessing, tokens="patches")
        for one in (encoder, untrained)
    )

    looks = partial(attend_maps, encoder, preprocessing=preprocessing)
    attend = (lambda scaled: None) if mass is None else looks
    found = segment(samples, shown, encode, attend, target, **wanted)
    zoom, count = shown.shown.shape[-1], len(found.segments.centres)
    facts = {"side_pc": zoom * maps.pixel_pc, "attention_mass": mass}
    if not shows_gas(maps):
        facts["pictures"] = shown.scaled(found.row)
    provenance = provenance_json(config=config, seed=0, inputs=snakemake.input)
    write_segmentation(snakemake.output.examples, found, provenance=provenance, **facts)
    log.info("examples: rows %s", ", ".join(map(str, found.row)))

    ways = {"tokens": lambda rows: found.segments.assign(encode(shown.scaled(rows)))}
    teachers = {key: wanted[key] for key in ("palette_maps",) if key in wanted}
    ways |= fit_baselines(samples, shown, encode_untrained, target, segments=count, **teachers)
    rows = spread_evenly(shown.test, most)
    tables = tabulate_segments(samples, maps, rows, zoom, ways, count)
    for path, table in zip(snakemake.output[1:], tables, strict=True):
        write_table(path, table)
