"""Draw true boxes, and those that a detector finds, on some test images."""

from starmass.console import job

with job(snakemake.log[0]):
    from starmass.evaluation.image_samples import show_images
    from starmass.evaluation.preprocessing import Preprocessing
    from starmass.evaluation.splits import parts_of
    from starmass.reporting.detections import plot_detections
    from starmass.tables import read_table

    files, config = snakemake.input, dict(snakemake.params.config)
    images = show_images(files.maps, Preprocessing(**config.pop("preprocessing")))
    _, _, test = next(parts_of(read_table(files.split, ("row", "fold", "part"))))
    boxes, found = (read_table(path, text=["class"]) for path in (files.boxes, files.predictions))
    plot_detections(
        snakemake.output[0],
        images,
        boxes,
        found,
        test,
        **config,
        facts={"config": config, "inputs": list(files)},
    )
