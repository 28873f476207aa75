# Copyright (c) semipose_mm authors.
"""Released PoseDual and PoseCons weights: joints, recognition, new names.

Pure functions of tensors by name. The released networks share one layout of
24 joints, the union of those of COCO, MPII and AI Challenger; a data set
trains the channels of its own joints, and the others keep their
initialization, whose bias is exactly 0.
"""
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence

from torch import Tensor

#: tuple[str]: The 24 joints of the released networks.
UNION_JOINTS = ('pelvis', 'right_hip', 'right_knee', 'right_ankle', 'left_hip',
                'left_knee', 'left_ankle', 'belly', 'thorax', 'neck',
                'upper_neck', 'nose', 'head', 'head_top', 'left_shoulder',
                'left_elbow', 'left_wrist', 'right_shoulder', 'right_elbow',
                'right_wrist', 'right_eye', 'left_eye', 'right_ear',
                'left_ear')

#: tuple[tuple]: Channels of the union that a horizontal flip exchanges.
UNION_FLIP_PAIRS = ((1, 4), (2, 5), (3, 6), (14, 17), (15, 18), (16, 19),
                    (20, 21), (22, 23))

#: dict: For each keypoint of a data set, in its order, the union's channel.
OWN_CHANNELS = dict(
    coco=(11, 21, 20, 23, 22, 14, 17, 15, 18, 16, 19, 4, 1, 5, 2, 6, 3),
    mpii=(3, 2, 1, 4, 5, 6, 0, 8, 10, 13, 19, 18, 17, 14, 15, 16),
    aic=(17, 18, 19, 14, 15, 16, 1, 2, 3, 4, 5, 6, 13, 9))

#: dict: Released networks are trained with the labels of one of these.
LABELED = ('coco', 'mpii')

_PREFIXES = ('resnet', 'resnet2')
_NEEDED = ('needed is a .pth.tar file of PoseDual (entries resnet.* and '
           'resnet2.*) or PoseCons (resnet.*), each network with a final '
           f'layer of {len(UNION_JOINTS)} joints')

_DEPTHS = {
    (False, (2, 2, 2, 2)): 18,
    (False, (3, 4, 6, 3)): 34,
    (True, (3, 4, 6, 3)): 50,
    (True, (3, 4, 23, 3)): 101,
    (True, (3, 8, 36, 3)): 152
}


class OfficialError(ValueError):
    """A file that is not what the released code writes."""


class Architecture(NamedTuple):
    """What the shapes of a network's weights tell.

    Attributes:
        family (str): ``'resnet'`` or ``'hrnet'``.
        size (int): Depth of a ResNet, width of an HRNet.
    """
    family: str
    size: int

    def __str__(self) -> str:
        return f'ResNet-{self.size}' if self.family == 'resnet' else \
            f'HRNet-W{self.size}'


def union_flip_indices() -> List[int]:
    """Channel of the union that each one becomes by a horizontal flip.

    Returns:
        list[int]: 24 numbers.
    """
    flipped = list(range(len(UNION_JOINTS)))
    for left, right in UNION_FLIP_PAIRS:
        flipped[left], flipped[right] = right, left
    return flipped


def find_networks(checkpoint: Any) -> List[Dict[str, Tensor]]:
    """Take the networks out of a file of the released code.

    Args:
        checkpoint (Any): What ``torch.load`` gave: weights, or a dict that
            holds them as ``state_dict`` or ``best_state_dict``.

    Returns:
        list[dict]: One network (PoseCons) or two (PoseDual), tensors by
        name, with ``final_layer`` as the last layer's name.

    Raises:
        OfficialError: If the file is something else.
    """
    state = _weights_of(checkpoint)
    groups = {}
    for key, value in state.items():
        prefix, _, name = key.partition('.')
        groups.setdefault(prefix, {})[name] = value
    unknown = [key for key in groups if key not in _PREFIXES]
    if 'conv1' in groups and 'final_layer' in groups:
        networks = [state]  # as the released code names a network by itself
    elif 'resnet3' in groups:
        raise OfficialError(
            'it holds a third network, resnet3.*, as files of SSPCM and '
            f'other descendants of PoseDual do; {_NEEDED}')
    elif 'resnet' in groups and unknown:
        raise OfficialError(f'it holds {_some(unknown)} besides resnet; '
                            f'{_NEEDED}')
    elif 'resnet' not in groups:
        raise OfficialError(f'it seems to be {_guess(state)}; {_NEEDED}')
    else:
        networks = [groups[key] for key in _PREFIXES if key in groups]
    return [_check_network(network) for network in networks]


def _weights_of(checkpoint: Any) -> Dict[str, Tensor]:
    """The tensors by name, without the wrappers around them."""
    if not isinstance(checkpoint, dict):
        raise OfficialError(f'it holds a {type(checkpoint).__name__} instead '
                            f'of weights by name; {_NEEDED}')
    found = checkpoint
    for name in ('state_dict', 'best_state_dict', 'model'):
        if isinstance(checkpoint.get(name), dict):
            found = checkpoint[name]
            break
    state = {
        str(key): value
        for key, value in found.items() if isinstance(value, Tensor)
    }
    if not state:
        raise OfficialError('it has no weights, but the entries '
                            f'{_some(checkpoint)}; {_NEEDED}')
    while all(key.startswith('module.') for key in state):
        state = {key[len('module.'):]: value for key, value in state.items()}
    return state


def _check_network(network: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """Refuse what cannot predict, and give the last layer one name."""
    if not any(key.startswith('final_layer') for key in network):
        raise OfficialError(
            'it holds backbones without a head (no final_layer), such as the '
            f'ImageNet weights from which PoseDual starts; {_NEEDED}')
    last = 'final_layer_1.'  # PoseDual's name in a ResNet
    if any(key.startswith(last) for key in network):
        if 'final_layer.weight' in network:
            raise OfficialError('a network has both final_layer and '
                                f'final_layer_1; {_NEEDED}')
        network = {
            key.replace(last, 'final_layer.') if key.startswith(last) else key:
            value
            for key, value in network.items()
        }
    for key in ('final_layer.weight', 'final_layer.bias'):
        if key not in network:
            raise OfficialError(f'a network has no {key}; {_NEEDED}')
    joints = len(network['final_layer.weight'])
    if joints != len(UNION_JOINTS):
        raise OfficialError(
            f'its final layer has {joints} channels, as checkpoints of '
            f'SimpleBaselines and HRNet for one data set do; {_NEEDED}')
    return network


def _guess(state: Dict[str, Tensor]) -> str:
    """What weights that cannot be converted most likely belong to."""
    tops = {key.partition('.')[0] for key in state}
    if 'peers' in tops:
        return 'a checkpoint of semipose_mm, which is used as it is'
    if {'bbox_head', 'roi_head', 'rpn_head', 'rpn', 'roi_heads'} & tops:
        return 'a detector (bbox_head, roi_head or rpn)'
    if {'backbone', 'head'} <= tops:
        return 'a checkpoint of MMPose 1.x, which is used as it is'
    if {'backbone', 'keypoint_head'} <= tops:
        return 'a checkpoint of MMPose 0.x'
    if 'conv1' in tops and {'fc', 'classifier', 'layer4', 'stage4'} & tops:
        return 'an ImageNet backbone or classifier without a pose head'
    return f'something else, with entries such as {_some(state)}'


def _some(mapping: Iterable) -> str:
    """The first names of many, for a message."""
    names = [str(key) for key in mapping]
    return ', '.join(names[:4]) + (', ...' if len(names) > 4 else '')


def find_architecture(network: Dict[str, Tensor]) -> Architecture:
    """Tell depth or width by names and shapes.

    Args:
        network (dict): A network of :func:`find_networks`.

    Returns:
        Architecture: ResNet-18 to -152, or HRNet of any width.

    Raises:
        OfficialError: If it is another one.
    """
    width = network.get('stage2.0.branches.0.0.conv1.weight')
    if width is not None:
        return Architecture('hrnet', len(width))
    if 'deconv_layers.0.weight' not in network:
        raise OfficialError('a network has neither deconv_layers, as a '
                            'ResNet here has, nor stage2, as an HRNet has; '
                            f'{_NEEDED}')
    blocks = []
    for layer in range(1, 5):
        names = [key.split('.') for key in network]
        blocks.append(
            len({name[1]
                 for name in names if name[0] == f'layer{layer}'}))
    kind = ('layer1.0.conv3.weight' in network, tuple(blocks))
    if kind not in _DEPTHS:
        raise OfficialError(
            f'a ResNet has {blocks} '
            f'{"bottleneck" if kind[0] else "basic"} blocks, which is none of '
            f'ResNet-{", -".join(map(str, _DEPTHS.values()))}')
    return Architecture('resnet', _DEPTHS[kind])


def find_dataset(networks: Sequence[Dict[str, Tensor]]) -> Optional[str]:
    """Tell the labeled data set by the channels that were never trained.

    Args:
        networks (Sequence[dict]): Networks of :func:`find_networks`.

    Returns:
        str | None: ``'coco'`` or ``'mpii'``; ``None`` if the weights do not
        say.
    """
    for name in LABELED:
        others = set(range(len(UNION_JOINTS))) - set(OWN_CHANNELS[name])
        if all(set(untrained_channels(net)) == others for net in networks):
            return name
    return None


def untrained_channels(network: Dict[str, Tensor]) -> List[int]:
    """Channels whose bias still is the initial 0.

    Args:
        network (dict): A network of :func:`find_networks`.

    Returns:
        list[int]: Numbers of channels of the union.
    """
    bias = network['final_layer.bias']
    return (bias == 0).nonzero().flatten().tolist()


def to_mmpose(network: Dict[str, Tensor],
              channels: Optional[Sequence[int]] = None) -> Dict[str, Tensor]:
    """Rename a network's weights to those of a ``TopdownPoseEstimator``.

    Args:
        network (dict): A network of :func:`find_networks`.
        channels (Sequence[int], optional): Channels of the union to keep, in
            the wanted order. Rows of the last convolution do not depend on
            one another, so this is exact. Defaults to ``None``, all.

    Returns:
        dict: Tensors by MMPose's names.
    """
    state = {}
    for key, value in network.items():
        if value.is_floating_point():
            value = value.float()
        if key.startswith('final_layer.') and channels is not None:
            value = value[list(channels)]
        part = 'head' if key.startswith(
            ('final_layer.', 'deconv_layers.')) else 'backbone'
        state[f'{part}.{key}'] = value
    return state


def to_estimator(
        networks: Sequence[Dict[str, Tensor]],
        channels: Optional[Sequence[int]] = None) -> Dict[str, Tensor]:
    """Weights of a ``SemiPoseEstimator``: network 0 and its peers.

    Args:
        networks (Sequence[dict]): Networks of :func:`find_networks`.
        channels (Sequence[int], optional): As in :func:`to_mmpose`.
            Defaults to ``None``

    Returns:
        dict: Tensors by name.
    """
    state = {}
    for number, network in enumerate(networks):
        prefix = f'peers.{number}.' if number else ''
        for key, value in to_mmpose(network, channels).items():
            state[prefix + key] = value
    return state
