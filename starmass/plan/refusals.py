"""Files that a study of another target does not have: which, why, and what there is instead."""

import re
from dataclasses import dataclass

from starmass.plan.evaluation import EvaluationPlan, kinds_of_target


@dataclass(frozen=True)
class OfOneTarget:
    """Files that only studies of one kind of target have.

    Attributes
    ----------
    path : pattern of their paths below ``results``, with the group ``study``
    kind : of the target: ``mass`` or ``classes``
    what : subject and verb of the sentence
    instead : what other studies have, as a template of the pattern
    """

    path: str
    kind: str
    what: str
    instead: str


MEASURED = r"evaluation/\g<study>/metrics.csv"
FILES = (
    OfOneTarget(
        r"tables/(?P<study>\w+)/table1\.\w+", "mass", "Table 1 is", r"tables/\g<study>/table.md"
    ),
    OfOneTarget(r"evaluation/(?P<study>\w+)/mass_bins\.csv", "mass", "bins of mass are", MEASURED),
    OfOneTarget(
        r"evaluation/(?P<study>\w+)/overstatement\.csv", "mass", "the overstatement is", MEASURED
    ),
    OfOneTarget(
        r"evaluation/(?P<study>\w+)/(?P<split>\w+)/fitted/(?P<place>\w+/seed-\d+)\.skops",
        "mass",
        "fitted methods are",
        r"evaluation/\g<study>/\g<split>/predictions/\g<place>.csv",
    ),
    OfOneTarget(
        r"evaluation/(?P<study>\w+)/confusion\.csv", "classes", "a confusion matrix is", MEASURED
    ),
)
OF = {"mass": "of stellar masses alone", "classes": "of classes alone"}


class RefusalsPlan(EvaluationPlan):
    """What the rules ask of a path that none of them makes."""

    def why_not(self, path: str) -> str | None:
        """Return in a sentence why a study has no such file; None where its target is no reason."""
        for one in FILES:
            found = re.fullmatch(f"results/{one.path}", path)
            if found is None or found["study"] not in self.config.evaluation.studies:
                continue
            study = found["study"]
            target = self.study_entry(study).target
            if one.kind not in kinds_of_target(target):
                has = f"target.kind: {target.kind}" if target else "no target"
                return (
                    f"{path}: evaluation.studies.{study} has {has}, and {one.what} {OF[one.kind]};"
                    f" ask for results/{found.expand(one.instead)}."
                )
        return self._why_no_reconstructions(path)

    def _why_no_reconstructions(self, path: str) -> str | None:
        found = re.fullmatch(r"results/pretraining/(\w+)/seed-\d+/reconstructions\.(pdf|png)", path)
        entry = self.config.pretraining.encoders.get(found[1]) if found else None
        if found is None or entry is None or entry.method == "mae":
            return None
        return (
            f"{path}: pretraining.encoders.{found[1]} has method: {entry.method}, which paints no"
            f" images; ask for {path.rpartition('/')[0]}/curves.{found[2]}."
        )
