"""Ranges of a recipe: the least and the most of what is drawn."""

from starmass.errors import InputError

Range = tuple[float, float]


def check_range(key: str, values: Range) -> None:
    """Refuse a range that runs backwards, and shares that are none.

    Parameters
    ----------
    key : of the recipe, named in the sentence; its end says what the numbers are
    values : the least and the most

    Raises
    ------
    InputError
        names the key
    """
    low, high = values
    if low > high:
        raise InputError(f"{key}: [{low}, {high}] runs backwards; give the least first.")
    if high > 1 and key.endswith(("area", "ratio")):
        raise InputError(f"{key}: {high} is more than 1, the whole; give shares.")
    if low <= 0 and key.endswith(("area", "aspect")):
        raise InputError(f"{key}: {low} must be more than 0.")
