from starmass.console import job

with job(snakemake.log[0]):
    from starmass.evaluation.encoding import encoder_options, read_encoder, resize
    from starmass.evaluation.finetuning import finetune_and_predict
    from starmass.evaluation.predictions import Predictions, predict_folds
    from starmass.evaluation.preprocessing import Preprocessing, scale
    from starmass.evaluation.samples import load_maps, write_table
    from starmass.evaluation.splits import read_split
    from starmass.evaluation.targets import read_target

    config, seed = snakemake.params.config, int(snakemake.wildcards.seed)
    entry = config["features"]
    target, samples = read_target(snakemake.input.samples, snakemake.params.target)
    path = snakemake.input.get("encoder")
    encoder = read_encoder(path, seed=seed, **encoder_options(entry))
    preprocessing = Preprocessing(**config["preprocessing"])
    shown, labels = preprocessing.transform(load_maps(samples)), target.values(samples)
    size = preprocessing.images_size(shown.shape[-1], encoder[1].patch_size)

    def predict_fold(fold, train, test):
        images = resize(scale(shown, preprocessing.find_limits(shown, train)), size)
        options = {
            "tokens": entry.get("tokens", "class"),
            **config["finetuning"],
            "seed": seed,
            "fold": fold,
            "classes": len(target.classes),
        }
        return Predictions(finetune_and_predict(encoder, images, labels, train, test, **options))

    split = read_split(snakemake.input.split, samples)
    table, _ = predict_folds(samples, split, predict_fold, target=target)
    write_table(snakemake.output[0], table)
