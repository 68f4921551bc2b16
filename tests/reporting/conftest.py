"""A study of eight protostars at one time, in the formats that earlier stages write."""

import h5py
import numpy as np
import pandas as pd
import pytest

from starmass.fractals.shards import write_shard

SIDE = 0.5
PIXELS = 16
PROTOSTARS = 8


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """Folder with maps, samples.csv, one shard, and for each of two splits its rows, features,
    predictions and metrics.
    """
    folder = tmp_path_factory.mktemp("study")
    random = np.random.default_rng(1)
    masses = np.geomspace(0.05, 12, PROTOSTARS)
    write_maps(folder / "maps.h5", random, masses)
    samples = pd.DataFrame(
        [
            (
                3 * sink + axis,
                "cloud",
                "0001",
                sink + 10,
                "xyz"[axis],
                mass,
                1e5 * mass,
                folder / "maps.h5",
                sink,
                axis,
            )
            for sink, mass in enumerate(masses)
            for axis in range(3)
        ],
        columns=[
            "row",
            "simulation",
            "snapshot",
            "sink_id",
            "axis",
            "mass_msun",
            "age_yr",
            "map_file",
            "sink_index",
            "axis_index",
        ],
    )
    samples.to_csv(folder / "samples.csv", index=False)
    with h5py.File(folder / "segmentation.h5", "w") as file:
        file["row"] = np.array([2, 20])
        file["colours"] = random.random((2, 8, 8, 3), dtype=np.float32)
        file["explained"] = [0.5, 0.2, 0.1]
        file["segments"] = random.integers(1, 5, (2, 8, 8))
        attention = random.dirichlet(np.full(64, 0.1), (2, 8)).reshape(2, 8, 8, 8)
        file["attention"], file["attended"] = attention, attention > 0.02
        file.attrs.update(segment_count=4, side_pc=SIDE / 2, attention_mass=0.6)
    write_segments(folder)
    write_embedding(folder / "embedding.csv", samples, random)
    rows = [
        row
        for split in ("random", "protostar")
        for row in write_evidence(folder / split, split, samples, random)
    ]
    write_comparison(folder, rows)
    write_information(folder / "information.csv")
    write_few_labels(folder / "few_labels.csv")
    write_ablation(folder / "ablation.csv")
    return folder


def write_maps(path, random, masses):
    maps = random.lognormal(size=(len(masses), 3, 3, PIXELS, PIXELS)).astype(np.float32)
    maps[:, :, 0] *= 1e22
    maps[:, :, 1] -= 1
    with h5py.File(path, "w") as file:
        stored = file.create_dataset("maps", data=maps)
        stored.attrs["channels"] = ["column_density", "v_los", "sigma_v"]
        stored.attrs["channel_units"] = ["cm**-2", "km/s", "km/s"]
        file.attrs["side_pc"] = SIDE


def write_evidence(folder, split, samples, random):
    folder.mkdir()
    test = np.arange(len(samples)) % 4 == 0
    pd.DataFrame(
        {"row": samples["row"], "fold": 0, "part": np.where(test, "test", "train")}
    ).to_csv(folder / "split.csv", index=False)
    with h5py.File(folder / "features.h5", "w") as file:
        file["features"] = random.normal(size=(1, len(samples), 7)).astype(np.float32)
    truth = np.log10(samples["mass_msun"][test])
    for method, error in (("dinov2_knn", 0.2), ("resnet18", 0.4)):
        predicted = truth + error * random.normal(size=test.sum())
        rows = {
            "row": samples["row"][test],
            "fold": 0,
            "log10_mass": truth,
            "predicted_log10_mass": predicted,
        }
        pd.DataFrame(rows).to_csv(folder / f"{method}.csv", index=False)
        yield {**METRICS, "split": split, "method": method, "r2": 1 - error, "rmse_dex": error}


def write_comparison(folder, metrics):
    """Write metrics, differences, mass bins and overstatement as the evaluation does."""
    folder.mkdir(exist_ok=True)
    table = pd.DataFrame(metrics)
    table.to_csv(folder / "metrics.csv", index=False)
    one = {
        "reference": "dinov2_knn",
        "r2_difference": -0.2,
        "r2_difference_low": -0.3,
        "r2_difference_high": -0.1,
    }
    table.loc[table["method"] != "dinov2_knn", ["split", "method"]].assign(**one).to_csv(
        folder / "differences.csv", index=False
    )
    bins = {
        "mass_low_msun": 1.0,
        "mass_high_msun": 6.0,
        "n_test": 6,
        "n_protostars": 6,
        "rmse_dex": 0.25,
        "bias_dex": -0.125,
        "coverage_interval": 0.84,
        "coverage_stars": 0.83,
    }
    table[["split", "method"]].assign(**bins).to_csv(folder / "mass_bins.csv", index=False)
    gap = {
        "split_published": "random",
        "split_grouped": "protostar",
        "r2_published": 0.8,
        "r2_grouped": 0.6,
    }
    gap |= {"r2_overstatement": 0.2, "r2_overstatement_low": 0.1, "r2_overstatement_high": 0.3}
    table[["method"]].drop_duplicates().assign(**gap).to_csv(
        folder / "overstatement.csv", index=False
    )


def write_information(path):
    rows = [("all", np.nan, "", 0.7)]
    rows += [("inside", r, "", 0.7 - 0.01 / r) for r in (0.03, 0.06, 0.12)] + [
        ("outside", r, "", 0.01 / r) for r in (0.03, 0.06, 0.12)
    ]
    rows += [
        (part, np.nan, channel, 0.5)
        for channel in ("column_density", "v_los")
        for part in ("only", "without")
    ]
    table = pd.DataFrame(rows, columns=["part", "radius_pc", "channel", "r2"]).merge(
        pd.DataFrame({"method": ["ridge", "knn"]}), how="cross"
    )
    facts = {
        "r2_low": table["r2"] - 0.1,
        "r2_high": table["r2"] + 0.1,
        "finest_cell_pc": 0.004,
        "accretion_radius_pc": 0.05,
    }
    table.assign(split="protostar", n_radii=3, **facts).to_csv(path, index=False)


def write_few_labels(path):
    table = pd.DataFrame(
        {"fraction": [0.1, 0.3, 1.0], "r2": [-3.0, 0.2, 0.7], "n_train_protostars": [2, 4, 12]}
    )
    table = table.merge(pd.DataFrame({"split": ["random", "protostar"]}), how="cross").merge(
        pd.DataFrame(
            {"method": ["dinov2_knn", "mean"], "label": ["DINOv2 + 5-NN", "training mean"]}
        ),
        how="cross",
    )
    spread = {"r2_low": table["r2"] - 0.2, "r2_high": table["r2"] + 0.2}
    spread |= {"r2_draw_lowest": table["r2"] - 0.1, "r2_draw_highest": table["r2"] + 0.1}
    table.assign(**spread).sort_values(["split", "method", "fraction"]).to_csv(path, index=False)


def write_ablation(path):
    table = pd.DataFrame(
        {
            "value": ["0", "9", "18"],
            "r2": [0.7, 0.4, -4.0],
            "r2_difference": [0.0, -0.3, -4.7],
            "beam_pc": [0, 0.006, 0.012],
        }
    )
    table = table.merge(pd.DataFrame({"split": ["random", "protostar"]}), how="cross")
    for name in ("r2", "r2_difference"):
        table[f"{name}_low"], table[f"{name}_high"] = table[name] - 0.2, table[name] + 0.2
    facts = {"varied": "observation.beam", "base": "0", "method": "ridge", "label": "ridge"}
    table.assign(**facts, finest_cell_pc=0.004, accretion_radius_pc=0.01).to_csv(path, index=False)


def write_segments(folder):
    quantities = {
        "area_fraction": 0.25,
        "log10_column_density": 21.5,
        "v_los": 0.5,
        "v_los_from_star": 0.1,
        "sigma_v": 0.4,
        "distance": 0.2,
    }
    rows = [
        (segment, name, value if name == "area_fraction" else 0.1 * segment + value)
        for segment in range(1, 5)
        for name, value in quantities.items()
    ]
    table = pd.DataFrame(rows, columns=["segment", "quantity", "mean"])
    units = dict(zip(quantities, ("1", "log10 cm**-2", *["km/s"] * 3, "pc"), strict=True))
    facts = {
        "unit": table["quantity"].map(units),
        "mean_low": table["mean"] - 0.05,
        "mean_high": table["mean"] + 0.05,
        "spread": 0.1,
        "n_maps": 6,
        "n_protostars": 6,
    }
    table.assign(**facts).to_csv(folder / "segments.csv", index=False)
    ways, channels = (
        ("tokens", "random_weights", "pixels", "rings"),
        ("log10_column_density", "v_los", "sigma_v"),
    )
    table = pd.DataFrame(
        [(way, channel) for way in ways for channel in channels], columns=["segments", "quantity"]
    )
    table = table.assign(eta2=0.5, eta2_low=0.4, eta2_high=0.6, n_maps=6, n_protostars=6)
    other = table["segments"] != "tokens"
    for bound, value in (("", 0.1), ("_low", -0.1), ("_high", 0.2)):
        table[f"eta2_difference{bound}"] = np.where(other, value, np.nan)
    table.to_csv(folder / "explained.csv", index=False)


def write_embedding(path, samples, random):
    planes = {
        f"{plane}_{number}": random.normal(size=len(samples))
        for plane in ("pc", "tsne")
        for number in (1, 2)
    }
    shares = {"pc_1_share": 0.6, "pc_2_share": 0.2}
    part = np.where(np.arange(len(samples)) % 4 == 0, "test", "train")
    near = {"same_protostar": (np.arange(len(samples)) % 2), "same_simulation": 1}
    pd.DataFrame({"row": samples["row"], "part": part, **planes, **shares, **near}).to_csv(
        path, index=False
    )


METRICS = {
    "study": "demo",
    "split": "random",
    "method": "dinov2_knn",
    "label": "DINOv2 + 5-NN",
    "r2": 0.8,
    "r2_low": 0.7,
    "r2_high": 0.9,
    "rmse_dex": 0.1,
    "label_spread_dex": 0.2236,
    "n_train": 18,
    "n_test": 6,
    "n_protostars": 6,
    "seed": "0",
    "interval_dex": 0.5,
    "coverage_interval": 0.91,
    "coverage_stars": 0.89,
}


@pytest.fixture(scope="session")
def comparison():
    """Return ``write(folder, **facts)``: a comparison of one method of those facts on two splits,
    in the evaluation's four tables.
    """
    return lambda folder, **facts: write_comparison(
        folder, [{**METRICS, "split": split, **facts} for split in ("random", "protostar")]
    )


@pytest.fixture(scope="session")
def drawn(study):
    """Return ``drawn(folder, figure)``: the figure's PDF and PNG, drawn from the study."""
    palettes = {
        "column_density": "magma",
        "v_los": "RdBu_r",
        "sigma_v": "viridis",
        "attention": "YlOrRd",
        "mass": "viridis",
        "age": "cividis",
    }

    def shard(folder):
        """Four images of noise."""
        generator = np.random.default_rng(0)
        rendered = [({"images": generator.integers(0, 255, (16, 16), np.uint8)}, {})] * 4
        path = folder / "shard.h5"
        write_shard(path, rendered, indices=range(4), facts={}, attributes={}, compression="gzip")
        return path

    def draw(folder, figure, **options):
        folder.mkdir(exist_ok=True)
        outputs = {kind: folder / f"{figure}.{kind}" for kind in ("pdf", "png")}
        common = {
            "samples": study / "samples.csv",
            "outputs": outputs,
            "resolution": 60,
            "simulations": {},
            "facts": {"config": {}},
        }
        if figure == "examples":
            from starmass.reporting.figures.examples import plot

            own = {"shard": shard(folder), "fractals": 4, "protostars": 3, "palettes": palettes}
            plot(**{**common, **own, **options})
        elif figure == "segmentation":
            from starmass.reporting.figures.segmentation import plot

            plot(
                **{
                    **common,
                    "segmentation": study / "segmentation.h5",
                    "palettes": palettes,
                    **options,
                }
            )
        elif figure == "attention":
            from starmass.reporting.figures.attention import plot

            plot(
                **{
                    **common,
                    "segmentation": study / "segmentation.h5",
                    "palettes": palettes,
                    **options,
                }
            )
        elif figure == "segments":
            from starmass.reporting.figures.segments import plot

            del common["samples"]
            plot(
                **{
                    **common,
                    "segments": study / "segments.csv",
                    "explained": study / "explained.csv",
                    **options,
                }
            )
        elif figure == "embedding":
            from starmass.reporting.figures.embedding import plot

            plot(
                **{
                    **common,
                    "embedding": study / "embedding.csv",
                    "split": "random",
                    "palettes": palettes,
                    **options,
                }
            )
        elif figure == "information":
            from starmass.reporting.figures.information import plot

            del common["samples"]
            plot(
                **{
                    **common,
                    "width": "column",
                    "channels": ["column_density", "v_los"],
                    "information": study / "information.csv",
                    **options,
                }
            )
        elif figure == "ablation":
            from starmass.reporting.ablation import plot_ablation

            del common["samples"]
            rows = {
                "split": ["random", "protostar"],
                "method": ["ridge"],
                "value": ["0", "9", "18"],
            }
            plot_ablation(
                **{
                    **common,
                    "width": "column",
                    "ablation": study / "ablation.csv",
                    "axis": "beam [arcsec]",
                    "rows": rows,
                    **options,
                }
            )
        elif figure == "few_labels":
            from starmass.reporting.figures.few_labels import plot

            del common["samples"]
            rows = {
                "split": ["random", "protostar"],
                "method": ["dinov2_knn", "mean"],
                "fraction": [0.1, 0.3, 1],
            }
            plot(
                **{
                    **common,
                    "width": "column",
                    "few_labels": study / "few_labels.csv",
                    "rows": rows,
                    **options,
                }
            )
        else:
            from starmass.reporting.figures.regression import plot

            methods = ("dinov2_knn", "resnet18")
            splits = {
                split: {
                    "split": study / split / "split.csv",
                    "features": study / split / "features.h5",
                    "predictions": {method: study / split / f"{method}.csv" for method in methods},
                }
                for split in ("random", "protostar")
            }
            plot(
                **{
                    **common,
                    "splits": splits,
                    "metrics": study / "metrics.csv",
                    "palettes": {"mass": "viridis"},
                    **options,
                }
            )
        return outputs

    return draw
