"""What is chosen by a name of the config: a module of that name, imported when it is chosen.

There is no table of them. A new one is a file, and touches none of its neighbours; so nothing that
was made by a neighbour goes out of date (:func:`starmass.provenance.code_digest`).
"""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from starmass.errors import InputError, closest


def names_in(package: str) -> list[str]:
    """Return the names that can be chosen in a package, in alphabetical order."""
    path = import_module(package).__path__
    return sorted(found.name for found in iter_modules(path) if not found.name.startswith("_"))


def load(package: str, name: str) -> ModuleType:
    """Return the module ``name`` of a package, as ``starmass.evaluation.regressors``.

    Raises
    ------
    InputError
        when there is none; names the nearest
    """
    known = names_in(package)
    if name not in known:
        kind = package.rpartition(".")[2].removesuffix("s")
        raise InputError(
            f"{kind} {name!r}: unknown{closest(name, known)}; choose from {', '.join(known)}."
        )
    return import_module(f"{package}.{name}")
