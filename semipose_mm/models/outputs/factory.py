# Copyright (c) semipose_mm authors.
"""Which kind of output the heads of an estimator's networks have."""
from typing import Dict, Optional, Sequence, Type

from mmpose.models.heads import (BaseHead, HeatmapHead, RTMCCHead, RTMWHead,
                                 SimCCHead)
from torch import nn

from .head_output import HeadOutput
from .heatmap_output import HeatmapOutput
from .simcc_output import SimCCOutput

#: Kinds of heads, with their subclasses, and of their outputs.
KINDS: Dict[Type[BaseHead], Type[HeadOutput]] = {
    HeatmapHead: HeatmapOutput,
    RTMCCHead: SimCCOutput,
    RTMWHead: SimCCOutput,
    SimCCHead: SimCCOutput
}


def build_output(networks: Sequence[nn.Module],
                 foreground_weight: float = 1.,
                 keys: Optional[Sequence[str]] = None) -> HeadOutput:
    """Check that the heads of all networks can teach one another.

    Args:
        networks (Sequence[nn.Module]): Network 0 and others.
        foreground_weight (float): See :class:`HeadOutput`. Defaults to 1.
        keys (Sequence[str], optional): Their config keys. Defaults to
            ``None``, those of network 0 and its peers

    Returns:
        HeadOutput: The kind of their outputs.

    Raises:
        TypeError: If a head, its loss or codec cannot be used, or not with
            a foreground weight.
        ValueError: If outputs differ between networks.
    """
    keys = keys or [
        'model', *(f'model.peers[{i}]' for i in range(len(networks) - 1))
    ]
    kinds = [_kind_of(net, f'{key}.head') for net, key in zip(networks, keys)]
    first = networks[0].head
    for key, kind, net in list(zip(keys, kinds, networks))[1:]:
        if kind is not kinds[0]:
            raise ValueError(
                f'{key}.head.type is {type(net.head).__name__}, '
                f'but model.head.type is {type(first).__name__}: networks '
                'that teach one another need the same kind of output. Change '
                f'{key}, as labels are encoded for network 0')
        theirs = kind.traits(net.head)
        for name, value in kind.traits(first).items():
            if theirs[name] != value:
                raise ValueError(
                    f'{key}.head.{name} is {theirs[name]}, but '
                    f'model.head.{name} is {value}: networks that teach one '
                    f'another need the same. Change {key}, as labels are '
                    'encoded for network 0')
    return kinds[0](first, foreground_weight)


def _kind_of(net: nn.Module, key: str) -> Type[HeadOutput]:
    """The checked kind of a network's head."""
    head = getattr(net, 'head', None)
    for head_type, kind in KINDS.items():
        if isinstance(head, head_type):
            break
    else:
        raise TypeError(
            f'{key}.type is {type(head).__name__}, but consistency training '
            'needs one heatmap (B, K, h, w) or one pair of SimCC vectors for '
            'each network: HeatmapHead, RTMCCHead, RTMWHead, SimCCHead or a '
            'subclass such as ViPNASHead')
    if head.decoder is None:
        raise ValueError(f'{key}.decoder is missing: the codec says how the '
                         'output and input pixels relate')
    # what HeatmapHead and the others of the list have says the same as ours
    if type(head).loss is not head_type.loss:
        raise TypeError(
            f'{key}.type is {type(head).__name__}, which has a loss() of its '
            'own that consistency training would bypass: it compares outputs '
            f'by {key}.loss alone. Put it into a subclass of '
            f'{type(head.loss_module).__name__}, and keep the loss() of '
            f'{head_type.__name__}')
    kind.check_head(head, key)
    if not head.loss_module.use_target_weight:
        raise ValueError(
            f'{key}.loss.use_target_weight is False, but unlabeled targets '
            'have weights: set it to True')
    return kind
