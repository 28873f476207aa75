# Copyright (c) semipose_mm authors.
"""What twins of stock transforms have in common."""
from typing import Any


class Twin:
    """A transform in the place of a stock one: the same results, sooner."""

    #: The class whose place is taken, but not that of its subclasses.
    stock: type

    @classmethod
    def can_replace(cls, transform: Any) -> bool:
        """Whether the results are those of a given transform."""
        return type(transform) is cls.stock

    def adopt(self, transform: Any) -> None:
        """Take over the state of the transform that this one replaces."""
        vars(self).update(vars(transform))


def stock_name(transform: Any) -> str:
    """The name by which users know a transform.

    Args:
        transform (Any): The transform or its twin.
    """
    return getattr(transform, 'stock', type(transform)).__name__
