# Copyright (c) semipose_mm authors.
"""Parts of a step from their configs, with errors that name the key."""
from typing import Any, Sequence

from mmpose.registry import MODELS


def build_part(cfg: Any, key: str, needed: Sequence[str],
               examples: str) -> Any:
    """Build an entry of one of the model's lists.

    Args:
        cfg (dict): The entry.
        key (str): Its config key, for messages.
        needed (Sequence[str]): Attributes by which its kind is known.
        examples (str): Types that are allowed, for messages.

    Raises:
        ValueError: If it is no config of that kind.
    """
    if not isinstance(cfg, dict) or 'type' not in cfg:
        raise ValueError(f'{key} must be a dict with a type, such as '
                         f'{examples}, but got {cfg!r}')
    kind = cfg['type']
    if isinstance(kind, str) and MODELS.get(kind) is None:
        raise ValueError(f'{key}.type is {kind!r}, which is not known; there '
                         f'are {examples}')
    try:
        part = MODELS.build(cfg)
    except TypeError as error:
        raise ValueError(f'{key} cannot be built of {dict(cfg)}: '
                         f'{error}') from None
    if not all(hasattr(part, name) for name in needed):
        raise ValueError(f'{key}.type is {kind!r}, which is of another kind; '
                         f'there are {examples}')
    return part


def check_list(value: Any, key: str, of: str) -> Sequence:
    """Refuse what is no list of dicts.

    Args:
        value: What the config has.
        key (str): Its key, for the message.
        of (str): What an entry is, for the message.

    Raises:
        ValueError: If it is something else.
    """
    if not isinstance(value, (list, tuple)) or not all(
            isinstance(entry, dict) for entry in value):
        raise ValueError(f'{key} must be a list of {of}, but got {value!r}')
    return value
