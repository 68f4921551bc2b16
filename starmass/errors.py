"""The one error that a user may see: a sentence with the file, key or value, and the way out."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something the user gave (a config value, a file) can't be used.

    The text says what is wrong and what to do.
    """


def closest(word: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the nearest of ``known``, or an empty string."""
    near = difflib.get_close_matches(word, [str(k) for k in known], n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
