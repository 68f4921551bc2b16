"""Train a detector on an encoder, and write the boxes that it finds in the test images."""

from starmass.console import job

with job(snakemake.log[0]) as log:
    import torch

    from starmass.detection.boxes import SIDES, classes_of
    from starmass.detection.pyramids import NetworkPyramid, create_pyramid
    from starmass.detection.training import detect
    from starmass.evaluation.encoding import encoder_options, prepare_images, read_encoder, resize
    from starmass.evaluation.image_samples import list_all_images
    from starmass.evaluation.preprocessing import Preprocessing, scale
    from starmass.evaluation.samples import load_maps
    from starmass.evaluation.splits import parts_of, read_split
    from starmass.evaluation.supervised import create_network
    from starmass.evaluation.weights import load_weights
    from starmass.tables import read_table, write_table

    files, config = snakemake.input, snakemake.params.config
    listed = list_all_images(files.maps, files.objects, images=snakemake.params.images)
    _, train, test = next(parts_of(read_split(files.split, listed)))
    boxes = read_table(files.boxes, text=["class"])
    preprocessing = Preprocessing(**config["preprocessing"])
    shown = preprocessing.transform(load_maps(listed))
    scaled = scale(shown, preprocessing.find_limits(shown, train))
    channels, pixels = scaled.shape[1], scaled.shape[-1]
    path, width, seed = files.get("encoder"), config["width"], config["training"]["seed"]
    if "features" in config:
        encoder = read_encoder(path, seed=seed, **encoder_options(config["features"]))
        images = torch.cat([*prepare_images(encoder, scaled, preprocessing)]).flatten(1, 2)

        def pyramid():
            ours = {"channels": channels, "in_channels": encoder[1].in_channels}
            return create_pyramid(encoder[0], **ours, width=width)
    else:
        size = preprocessing.images_size(pixels)
        images = torch.from_numpy(resize(scaled, size)).mul(2).sub(1)

        def pyramid():
            network = create_network(config["network"], channels, seed)
            if path is not None:
                load_weights(network, path)
            return NetworkPyramid(network, width=width)

    factor = images.shape[-1] / pixels
    larger = boxes.assign(**{side: boxes[side] * factor for side in SIDES})
    classes = classes_of(boxes, train, test)
    found = detect(pyramid, images, larger, train, test, classes=classes, **config["training"])
    write_table(snakemake.output[0], found.assign(**{side: found[side] / factor for side in SIDES}))
    log.info("%d boxes in %d test images", len(found), len(test))
