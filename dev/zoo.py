# Copyright (c) semipose_mm authors.
"""Which configs of the installed MMPose become semi-supervised."""
from typing import Any, NamedTuple, Tuple

from semipose_mm.config_maker.base import (PREFIX, Base, MissingExtra,
                                           Unsupported, read_base, zoo_names)
from semipose_mm.config_maker.check import EXTRA, check_base

#: Kinds of configs that are asked.
KINDS = ('topdown_heatmap', 'rtmpose', 'simcc', 'topdown_regression',
         'integral_regression')


class Row(NamedTuple):
    """What is said about a config.

    Attributes:
        name (str): ``mmpose::...``.
        backbone (str): Type of its backbone.
        head (str): Type of its head.
        codec (str): Type of its codec, with what matters of it.
        verdict (str): ``'yes'``, or ``'no'``.
        reason (str): Why not, or what is needed.
    """
    name: str
    backbone: str
    head: str
    codec: str
    verdict: str
    reason: str


def _plain(kind: Any) -> str:
    """A registered name without its scope."""
    return str(kind).rpartition('.')[2]


def codec_name(codec: dict) -> str:
    """A codec by its type, with DARK decoding and UDP's offset maps.

    Args:
        codec (dict): The codec.
    """
    name = _plain(codec['type'])
    if codec.get('unbiased'):
        name += ', DARK'
    if codec.get('heatmap_type') == 'combined':
        name += ', offsets'
    return name


def traits(base: Base) -> Tuple[str, ...]:
    """What decides whether networks can teach one another.

    Args:
        base (Base): A config.

    Returns:
        tuple[str]: Types of backbone, neck, head, codec and loss.
    """
    model = base.cfg.model
    loss = model.head.get('loss')
    loss = _plain(loss['type']) if isinstance(loss, dict) else 'several'
    return (_plain(model.backbone.type),
            _plain((model.get('neck') or dict()).get('type')),
            _plain(model.head.type), codec_name(base.codec), loss)


def judge(name: str) -> Row:
    """Build a config as PoseDual.

    Args:
        name (str): ``mmpose::...``.

    Returns:
        Row: What is said about it.
    """
    backbone = head = codec = '-'
    try:
        base = read_base(name)
        backbone, _, head, codec, _ = traits(base)
        check_base(base)
    except MissingExtra:
        return Row(name, backbone, head, codec, 'yes', f'needs `{EXTRA}`')
    except Unsupported as fault:
        return Row(name, backbone, head, codec, 'no', str(fault))
    extra = f"'{EXTRA}." in str(base.cfg.model.to_dict())
    return Row(name, backbone, head, codec, 'yes',
               f'needs `{EXTRA}`' if extra else '')


def zoo() -> list:
    """Names of all configs that are asked."""
    return zoo_names(*KINDS)


def group(name: str) -> str:
    """The part of the zoo that a config is in: ``'body'``, ``'hand'``..."""
    return name[len(PREFIX):].partition('_')[0]
