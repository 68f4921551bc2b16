"""What a study of another target does not have is refused with what it has instead."""

import pytest
from configs import default_config, merge

from starmass.errors import InputError
from starmass.plan import Plan


@pytest.fixture(scope="module")
def plan():
    """The demo, and the same study with its ages in place of its masses."""
    other = {
        "simulations": ["toycloud_a"], "splits": ["random"], "methods": ["central_ridge"],
        "target": {"kind": "number", "column": "age_yr"},
    }  # fmt: skip
    features = {"central_ridge": {"regressor": "ridge", "features": "central"}}
    return Plan(
        merge(default_config(), {"evaluation": {"methods": features, "studies": {"ages": other}}})
    )


def test_files_of_other_targets_are_refused_with_what_there_is(plan):
    of_masses = {
        "tables/ages/table1.tex": "ask for results/tables/ages/table.md.",
        "evaluation/ages/mass_bins.csv": "ask for results/evaluation/ages/metrics.csv.",
        "evaluation/ages/overstatement.csv": "ask for results/evaluation/ages/metrics.csv.",
        "evaluation/ages/random/fitted/central_ridge/seed-0.skops": (
            "ask for results/evaluation/ages/random/predictions/central_ridge/seed-0.csv."
        ),
    }
    for path, instead in of_masses.items():
        said = plan.why_not(f"results/{path}")
        assert said.startswith(f"results/{path}: evaluation.studies.ages has target.kind: number")
        assert "of stellar masses alone" in said and said.endswith(instead)
        assert plan.why_not(f"results/{path.replace('ages', 'demo')}") is None
    assert "target.kind: number" in plan.why_not("results/evaluation/ages/confusion.csv")
    assert "demo has no target" in plan.why_not("results/evaluation/demo/confusion.csv")
    for path in ("tables/demoo/table1.md", "tables/ages/table.md", "maps/ages/table1.md"):
        assert plan.why_not(f"results/{path}") is None
    curves = "results/pretraining/nano/seed-0/curves.png"
    said = plan.why_not("results/pretraining/nano/seed-0/reconstructions.png")
    assert "nano has method: dinov2, which paints no images" in said and curves in said
    for name in ("nano_mae", "none"):
        assert plan.why_not(f"results/pretraining/{name}/seed-0/reconstructions.png") is None
    for ask in (plan.information, plan.ablation_files):
        with pytest.raises(InputError, match="ages has another target than the stellar mass"):
            ask("ages")
    with pytest.raises(InputError, match="ages has no segmentation; add it"):
        plan.segmentation("ages")
