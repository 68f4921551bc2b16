from starmass.console import job

with job(snakemake.log[0]):
    from starmass.evaluation.encoding import resize
    from starmass.evaluation.predictions import Predictions, predict_folds
    from starmass.evaluation.preprocessing import Preprocessing, scale
    from starmass.evaluation.samples import load_maps, write_table
    from starmass.evaluation.splits import read_split
    from starmass.evaluation.supervised import train_and_predict
    from starmass.evaluation.targets import read_target

    target, samples = read_target(snakemake.input.samples, snakemake.params.target)
    preprocessing = Preprocessing(**snakemake.params.config["preprocessing"])
    shown, labels = preprocessing.transform(load_maps(samples)), target.values(samples)

    def predict_fold(fold, train, test):
        images = resize(
            scale(shown, preprocessing.find_limits(shown, train)),
            preprocessing.images_size(shown.shape[-1]),
        )
        options = {**snakemake.params.config["method"], "weights": snakemake.input.get("weights")}
        return Predictions(
            train_and_predict(
                images,
                labels,
                train,
                test,
                seed=int(snakemake.wildcards.seed),
                fold=fold,
                classes=len(target.classes),
                **options,
            )
        )

    split = read_split(snakemake.input.split, samples)
    table, _ = predict_folds(samples, split, predict_fold, target=target)
    write_table(snakemake.output[0], table)
