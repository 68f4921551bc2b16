"""What yt raises over a dump, as one sentence that says which of the possible faults it is."""

import logging
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unyt.exceptions import (
    UnitConversionError,
    UnitParseError,
    UnitsNotReducible,
)
from yt.utilities.exceptions import (
    YTAmbiguousDataType,
    YTFieldNotFound,
    YTFieldTypeNotFound,
    YTUnidentifiedDataType,
)
from yt.utilities.logger import ytLogger

from starmass.errors import InputError
from starmass.files import system_number, unreadable

logger = logging.getLogger("starmass")


class _ToOurLog(logging.Handler):
    """Hands yt's warnings over to the job's log, a line each and no line twice."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage().split("\n")[0]
        if line not in self.said:
            self.said.add(line)
            logger.warning("yt: %s", line)


def log_warnings_of_yt() -> None:
    """Let yt say its warnings, which may be about the numbers, and nothing else, in our log."""
    if not any(isinstance(handler, _ToOurLog) for handler in ytLogger.handlers):
        ytLogger.handlers[:] = [_ToOurLog()]
        ytLogger.propagate = False
    ytLogger.setLevel(logging.WARNING)


@contextmanager
def yt_failures(dump: str | Path) -> Iterator[None]:
    """Turn whatever yt raises in the block into an :class:`InputError` that names the dump.

    The system's own faults, arguments of ``load``, units, fields and formats are distinguished.
    Anything else may be a damaged dump or a fault of yt, and the sentence says how to see which.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and system_number(error) is not None:
            # Absent, locked, forbidden, on a failing disk: what the system says of the file.
            raise unreadable(os.fsdecode(error.filename or dump), error) from error
        raise InputError(f"{dump}: {_sentence(dump, error)}.") from error


def _sentence(dump: str | Path, error: Exception) -> str:
    said = " ".join(str(error).split())[:300] or "it says no more"
    if isinstance(error, YTAmbiguousDataType):
        return f"{said}; add `hint` to `load` of the simulation, with the name of the right one"
    if isinstance(error, YTUnidentifiedDataType):
        return (
            "no frontend of yt takes this file for one of its own; `dump` of the simulation has to "
            "name the file that yt.load opens, and the file has to be whole"
        )
    if isinstance(error, YTFieldNotFound | YTFieldTypeNotFound):
        return f"{said}; name fields that the dump has in the simulation's entry"
    if isinstance(error, UnitConversionError | UnitParseError | UnitsNotReducible):
        return f"a unit does not fit ({said}); mend the units in the simulation's entry"
    if isinstance(error, ImportError):
        return f"yt needs a Python package to read it ({said}); install that package"
    if isinstance(error, MemoryError):
        return "memory is not enough to read it; give the job more `mem_mb`"
    if isinstance(error, TypeError | ValueError | KeyError) and "units_override" in said:
        return f"{said}; mend `load.units_override` of the simulation, as `length_unit: [1.0, pc]`"
    if isinstance(error, TypeError) and "keyword argument" in said:
        return f"yt does not take what `load` of the simulation says ({said}); mend it"
    if isinstance(error, FileNotFoundError):
        return f"a file is missing ({said}); bring it, or mend the entry"
    if isinstance(error, OSError | EOFError | struct.error):
        return f"the dump is incomplete or damaged ({said}); bring it again"
    return (
        f"yt failed to read it ({type(error).__name__}: {said}); the dump is damaged, the entry "
        "does not fit it, or yt has a fault here: try it alone by "
        f"python -c \"import yt; yt.load({str(dump)!r}).r['gas', 'density']\""
    )
