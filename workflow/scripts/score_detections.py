"""Score the boxes that a detector finds, beside one that looks at no image."""

from starmass.console import job

with job(snakemake.log[0]) as log:
    import pandas as pd

    from starmass.detection.boxes import classes_of, fixed_boxes
    from starmass.detection.metrics import score_boxes
    from starmass.evaluation.image_samples import list_all_images
    from starmass.evaluation.samples import protostars
    from starmass.evaluation.splits import parts_of, read_split
    from starmass.tables import read_table, write_table

    files = snakemake.input
    listed = list_all_images(files.maps, files.objects, images=snakemake.params.images)
    _, train, test = next(parts_of(read_split(files.split, listed)))
    boxes, found = (read_table(path, text=["class"]) for path in (files.boxes, files.predictions))
    classes = classes_of(boxes, train, test)
    objects = protostars(listed)[test]
    scored = {
        method: score_boxes(boxes, predicted, test, objects, classes=classes)
        for method, predicted in (
            ("detector", found), ("fixed_box", fixed_boxes(boxes, train, test)),
        )
    }  # fmt: skip
    table = pd.concat([one.assign(method=method) for method, one in scored.items()])
    write_table(snakemake.output[0], table[["method", *table.columns.drop("method")]])
    for method, one in scored.items():
        log.info("%s: AP50 %.3f (%.3f to %.3f)", method, *one.loc[1, ["value", "low", "high"]])
