# Copyright (c) semipose_mm authors.
"""Numbers, boxes and ids, as json files hold them."""
import math
from typing import Any

# No image that can be read has a longer side, and float32 is exact below.
MAX_COORDINATE = 1e7
BOX = ('four finite numbers: x, y, width, height in pixels, at most '
       f'{MAX_COORDINATE:g}')
_NUMBERS = {int, float}


def is_number(value: Any) -> bool:
    """Whether a value is a finite number that a float can hold."""
    # a truth value is of another type
    return type(value) in _NUMBERS and are_numbers([value])


def are_numbers(values: Any) -> bool:
    """Whether a value is a list of finite numbers."""
    # of a sum, one look tells what a look at every number would
    try:
        return isinstance(values, list) and math.isfinite(math.fsum(values))
    except (TypeError, ValueError, OverflowError):
        return False


def is_id(value: Any) -> bool:
    """Whether a value can be the id of an image or an annotation."""
    return isinstance(value, (int, str)) and not isinstance(value, bool)


def is_box(value: Any) -> bool:
    """Whether a value is x, y, width, height, of any size."""
    if (type(value) is not list or len(value) != 4
            or not _NUMBERS.issuperset(map(type, value))):
        return False
    x, y, width, height = value
    # a comparison with NaN is false
    return (-MAX_COORDINATE <= x <= MAX_COORDINATE
            and -MAX_COORDINATE <= y <= MAX_COORDINATE
            and -MAX_COORDINATE <= width <= MAX_COORDINATE
            and -MAX_COORDINATE <= height <= MAX_COORDINATE)
