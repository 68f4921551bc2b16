from starmass.console import job

with job(snakemake.log[0]):
    from starmass.evaluation.encoding import resize
    from starmass.evaluation.inputs import Input, scale
    from starmass.evaluation.predictions import Predictions, predict_folds
    from starmass.evaluation.samples import load_maps, log_mass, read_samples, write_table
    from starmass.evaluation.splits import read_split
    from starmass.evaluation.supervised import train_and_predict

    samples = read_samples(snakemake.input.samples)
    shown_as = Input(**snakemake.params.config["input"])
    shown, labels = shown_as.transform(load_maps(samples)), log_mass(samples)

    def predict_fold(fold, train, test):
        images = resize(
            scale(shown, shown_as.find_limits(shown, train)), shown_as.images_size(shown.shape[-1])
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
                **options,
            )
        )

    table, _ = predict_folds(samples, read_split(snakemake.input.split, samples), predict_fold)
    write_table(snakemake.output[0], table)
