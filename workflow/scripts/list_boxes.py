"""List the boxes of sources, checked, and divide their images into training and test."""

from starmass.console import job

with job(snakemake.log[0]) as log:
    from starmass.detection.boxes import classes_of, read_boxes
    from starmass.evaluation.image_samples import list_all_images
    from starmass.evaluation.splits import draw_split, parts_of
    from starmass.storage import open_hdf5
    from starmass.tables import write_table

    files, name = snakemake.input, snakemake.params.images
    images = list_all_images(files.maps, files.objects, images=name)
    with open_hdf5(files.maps) as file:
        sizes = {"pixels": file["maps"].shape[-1], "squares": file.attrs.get("squares", ())}
    boxes = read_boxes(files.boxes, images, **sizes, **snakemake.params.config)
    split = draw_split(images, **snakemake.params.split)
    _, train, test = next(parts_of(split))
    classes = classes_of(boxes, train, test)
    write_table(snakemake.output.boxes, boxes)
    write_table(snakemake.output.split, split)
    log.info("%d boxes of %d classes (%s)", len(boxes), len(classes), ", ".join(classes))
    log.info("%d training images, %d test images", len(train), len(test))
