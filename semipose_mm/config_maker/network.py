# Copyright (c) semipose_mm authors.
"""What changes in the networks of a base: keypoints, size, norm, a peer."""
import copy
import math
from typing import Any, Dict, Optional, Tuple

from .base import Base, ConfigFault

#: Input size for which the released boxes of joint cutout are made.
CUTOUT_INPUT = (192, 256)
#: Narrowest Gaussian of a heatmap label in heatmap pixels.
MIN_SIGMA = 1.5


def resized_codec(codec: dict, size: Tuple[int, int]) -> Dict[str, Any]:
    """What of a codec depends on the input size.

    Args:
        codec (dict): The base's codec.
        size (tuple): New width and height in pixels.

    Returns:
        dict: The entries that change.

    Raises:
        ConfigFault: If a network cannot have that input size.
    """
    old = codec['input_size']
    if tuple(size) == tuple(old):
        return dict()
    for value in size:
        if value < 32 or value % 32:
            raise ConfigFault(
                f'--input-size is {size[0]} {size[1]}, but networks that '
                'shrink their input by 32 need multiples of 32, such as 192 '
                '256')
    changed: Dict[str, Any] = dict(input_size=tuple(size))
    if 'heatmap_size' in codec:
        heatmap = [
            n * h / o for n, h, o in zip(size, codec['heatmap_size'], old)
        ]
        if any(value % 1 for value in heatmap):
            raise ConfigFault(
                f'--input-size is {size[0]} {size[1]}, but the heatmaps of '
                f'the base, {codec["heatmap_size"]} for {old}, cannot be '
                'scaled to that: leave it out')
        changed['heatmap_size'] = tuple(int(value) for value in heatmap)
        if 'sigma' in codec:
            ratio = changed['heatmap_size'][0] / codec['heatmap_size'][0]
            changed['sigma'] = max(MIN_SIGMA, round(codec['sigma'] * ratio, 2))
        if codec.get('type') == 'MSRAHeatmap':
            changed.update(_unbiased(changed.get('sigma', codec['sigma'])))
    elif isinstance(codec.get('sigma'), (list, tuple)):
        # the zoo's sigmas grow with the square root of the bins
        changed['sigma'] = tuple(
            round(s * math.sqrt(n / o), 2)
            for s, n, o in zip(codec['sigma'], size, old))
    return changed


def _resized(base: Base, size: Optional[Tuple[int, int]]) -> Dict[str, Any]:
    return resized_codec(base.codec, size) if size else {}


def _unbiased(sigma: float) -> Dict[str, Any]:
    """Labels and peaks between the pixels of a heatmap.

    Without, coordinates are quarters of its pixels (Zhang et al.,
    "Distribution-Aware Coordinate Representation for Human Pose
    Estimation", CVPR 2020). The kernel is as wide beside sigma as in
    the zoo's configs.
    """
    return dict(unbiased=True, blur_kernel_size=2 * int(2.75 * sigma) + 1)


def sync_norms(part: Any) -> Any:
    """Overrides that turn synchronized batch norm into the plain one.

    Args:
        part (Any): Config of a part of a network.

    Returns:
        dict: The overrides, empty if it has none.
    """
    found = dict()
    if isinstance(part, dict):
        for key, value in part.items():
            if key == 'norm_cfg' and isinstance(value, dict) and str(
                    value.get('type')).endswith('SyncBN'):
                found[key] = dict(type='BN')
            elif isinstance(value, dict):
                inner = sync_norms(value)
                if inner:
                    found[key] = inner
    return found


def merge(into: dict, more: dict) -> dict:
    """Merge nested overrides into a config.

    Args:
        into (dict): The config; changed in place.
        more (dict): The overrides.

    Returns:
        dict: The config.
    """
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value
    return into


def network_overrides(base: Base,
                      num_keypoints: Optional[int] = None,
                      input_size: Optional[Tuple[int, int]] = None) -> dict:
    """What a base's network needs for other keypoints and another size.

    Args:
        base (Base): The config.
        num_keypoints (int, optional): Defaults to the base's.
        input_size (tuple, optional): Width and height. Defaults to the
            base's.

    Returns:
        dict: Overrides of ``model``.
    """
    model = base.cfg.model
    changed: Dict[str, dict] = dict()
    for part in ('backbone', 'neck', 'head'):
        norms = sync_norms(model.get(part))
        if norms:
            changed[part] = norms
    head: Dict[str, Any] = dict()
    if num_keypoints not in (None, model.head.get('out_channels')):
        head['out_channels'] = num_keypoints
        loss = model.head.get('loss')
        if isinstance(loss, dict) and loss.get('mask') is not None:
            # joints of the base that its loss weighs differently
            head['loss'] = dict(mask=None)
    codec = _resized(base, input_size)
    if codec:
        head['decoder'] = codec
        if 'input_size' in model.head:
            head['input_size'] = codec['input_size']
        if model.head.get('in_featuremap_size'):
            head['in_featuremap_size'] = tuple(n * f // o for n, f, o in zip(
                input_size, model.head.in_featuremap_size, base.input_size))
        if 'img_size' in model.backbone:
            # of a vision transformer: height and width
            merge(changed,
                  dict(backbone=dict(img_size=tuple(input_size[::-1]))))
    if head:
        merge(changed, dict(head=head))
    test_cfg = model.get('test_cfg') or dict()
    if num_keypoints and test_cfg.get('output_keypoint_indices'):
        changed['test_cfg'] = dict(output_keypoint_indices=None)
    return changed


def peer_entry(base: Base, peer: Base, num_keypoints: Optional[int],
               input_size: Optional[Tuple[int, int]]) -> dict:
    """Another base as network 1: an entry of ``model.peers``.

    Args:
        base (Base): Network 0.
        peer (Base): Network 1.
        num_keypoints (int, optional): Defaults to network 0's.
        input_size (tuple, optional): Defaults to that of network 0.

    Returns:
        dict: The entry.

    Raises:
        ConfigFault: If the images of both are normalized differently.
    """
    for key in ('mean', 'std', 'bgr_to_rgb'):
        values = [
            one.cfg.model.get('data_preprocessor', dict()).get(key)
            for one in (base, peer)
        ]
        if values[0] != values[1]:
            raise ConfigFault(
                f'--peer {peer.title} has model.data_preprocessor.{key}='
                f'{values[1]}, but --base has {values[0]}: both networks see '
                'the same images. Change the peer')
    num = num_keypoints or base.cfg.model.head.get('out_channels')
    changed = network_overrides(peer, num, input_size)
    # both learn from labels of one codec
    ours, theirs = ({
        **one.codec,
        **_resized(one, input_size)
    } for one in (base, peer))
    if ours.get('type') == theirs.get('type') == 'MSRAHeatmap':
        same = {
            key: ours.get(key, value)
            for key, value in dict(unbiased=False,
                                   blur_kernel_size=11).items()
            if ours.get(key, value) != theirs.get(key, value)
        }
        merge(changed, dict(head=dict(decoder=same)) if same else {})
    entry = dict()
    for part in ('backbone', 'neck', 'head'):
        if peer.cfg.model.get(part) is None:
            if base.cfg.model.get(part) is not None:
                entry[part] = None
            continue
        content = copy.deepcopy(peer.cfg.model[part].to_dict())
        merge(content, changed.get(part, dict()))
        entry[part] = dict(_delete_=True, **content)
    return entry


def cutout(input_size: Tuple[int, int], num_keypoints: int) -> dict:
    """Joint cutout for an input size: boxes grow with the image.

    Args:
        input_size (tuple): Width and height in pixels.
        num_keypoints (int): Number of keypoints, of which half at most are
            cut.

    Returns:
        dict: What differs from the default of ``configs/_base_``.
    """
    ratio = math.sqrt(input_size[0] * input_size[1] /
                      (CUTOUT_INPUT[0] * CUTOUT_INPUT[1]))
    changed: Dict[str, Any] = dict()
    if num_keypoints < 9:
        changed['num'] = max(1, (num_keypoints + 1) // 2)
    if ratio != 1:
        changed['half_size'] = tuple(
            max(1, int(value * ratio + 0.5)) for value in (10, 19))
        changed['jitter'] = round(10 * ratio, 1)
    return changed
