"""Which files a study needs and where they lie: what the rules ask, as plain Python."""

from starmass.plan.detection import DetectionPlan
from starmass.plan.figures import FIGURES, FiguresPlan
from starmass.plan.objects import ObjectsPlan
from starmass.plan.paths import UsersFile
from starmass.plan.refusals import RefusalsPlan

__all__ = ["FIGURES", "Plan", "UsersFile"]


class Plan(FiguresPlan, ObjectsPlan, DetectionPlan, RefusalsPlan):
    """Which files there are to make, asked by the rules.

    Parameters
    ----------
    values : the config as Snakemake merged it
    checkout : folder whose ``resources`` is ``{resources}`` in paths of the config

    Raises
    ------
    InputError
        about the first mistake in the config; from every question, when there is no such entry
    """
