"""What the entries of ``objects`` need of the methods that they name."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from starmass.config.features import ColumnFeatures, Preprocessing
from starmass.config.links import features_of
from starmass.config.methods import Regressor
from starmass.errors import InputError

if TYPE_CHECKING:
    from starmass.config.objects import ObservedObject
    from starmass.config.whole import Config


def check_objects(config: "Config") -> None:
    """Raise InputError about the first method that an object can't be shown to."""
    for name, entry in config.objects.items():
        for problem in _problems(config, entry):
            raise InputError(f"config key 'objects.{name}.methods': {problem}.")


def _problems(config: "Config", entry: "ObservedObject") -> Iterator[str]:
    evaluation = config.evaluation
    there = entry.channels()
    for name in entry.methods:
        method = evaluation.methods[name]
        if not isinstance(method, Regressor):
            yield (
                f"{name} is a network that is trained on maps, and objects are shown to regressors"
                " alone; name methods with a regressor"
            )
            continue
        features = features_of(evaluation, method.features)
        if any(isinstance(one, ColumnFeatures) for one in features):
            yield (
                f"{name} has columns of samples.csv as features, and an object has maps alone; name"
                " methods of maps"
            )
        ways = [way for one in features for way in getattr(one, "preprocessing", ())]
        for way in dict.fromkeys(ways):
            shown = evaluation.preprocessing[way]
            lacking = [one for one in _seen(shown) if one not in there]
            if lacking:
                yield (
                    f"{name} shows the channel {lacking[0]} (preprocessing.{way}), which the object"
                    f" has not; add {lacking[0]}: {{file: ...}} to the object, or name methods"
                    f" that show {', '.join(there)} alone"
                )
            relative = "v_los" in _seen(shown) and shown.v_los != "log_gradient"
            if relative and entry.velocity is None:
                yield (
                    "velocity is missing; add velocity: the star's systemic velocity [km/s], LSRK."
                    f" The method {name} looks at velocities relative to it (preprocessing.{way})"
                )


def _seen(shown: Preprocessing) -> list[str]:
    """Return the channels that a way of preprocessing shows, and does not leave blank."""
    return [one for one in shown.channels if one not in shown.blank]
