# Copyright (c) semipose_mm authors.
"""A base whose backbone is a model of timm or Hugging Face."""
import copy
import math
from typing import List, Optional, Tuple

import torch
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from torch.nn.modules.batchnorm import _NormBase

from .base import Base, ConfigFault, Library, MissingExtra, read_base
from .check import DEFAULT, one_line
from .network import MIN_SIGMA, merge

#: What ``--base`` begins with, and whose models these are.
LIBRARIES = dict(timm='timm', hf='Hugging Face')
#: Licences under which weights may be used for anything.
_FREE = ('', 'apache-2.0', 'mit', 'bsd-3-clause')
# ViTPose's, for networks without batch norm
_TRANSFORMER = dict(
    optimizer=dict(type='AdamW', betas=(0.9, 0.999), weight_decay=0.1),
    constructor='NetworkLayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(layer_decay_rate=0.8),
    clip_grad=dict(max_norm=1., norm_type=2))


def is_library(name: str) -> bool:
    """Whether a base is named as a model of a library."""
    return name.partition(':')[0] in LIBRARIES and '::' not in name


def library_base(name: str,
                 option: str = '--base',
                 input_size: Optional[Tuple[int, int]] = None) -> Base:
    """Make a base of a backbone: the zoo's ResNet-50 with another one.

    Args:
        name (str): ``timm:MODEL``, or ``hf:`` with a folder or a repository.
        option (str): The option that names it, for messages. Defaults to
            ``'--base'``.
        input_size (tuple, optional): Width and height of the crop in pixels.
            Defaults to 192 x 256, or what is nearest to that.

    Returns:
        Base: A heatmap network of four pixels by heatmap pixel, or about that
        many where patches do not have 8, 16 or 32.

    Raises:
        ConfigFault: If there is no such model, or it cannot have that size.
        MissingExtra: If the library is not installed.
    """
    from semipose_mm.models.backbones import MissingLibrary
    try:
        return _library_base(name, option, input_size)
    except MissingLibrary as error:
        raise MissingExtra(str(error)) from error


def _library_base(name: str, option: str,
                  input_size: Optional[Tuple[int, int]]) -> Base:
    kind, _, model = name.partition(':')
    warnings: List[str] = []
    try:
        backbone = _configs(kind, model, warnings)
        step = max(_build(backbone).strides)
    except ValueError as error:
        raise ConfigFault(f'{option} {name}: {one_line(error)}') from error
    near = tuple(
        max(1, round(v / step)) * step for v in input_size or (192, 256))
    size = tuple(input_size or near)
    if size != near:
        raise ConfigFault(
            f'--input-size is {size[0]} {size[1]}, but {option} {name} takes '
            f'multiples of {step}, such as {near[0]} {near[1]}')
    if kind == 'timm' and _is_fixed(model):
        backbone['img_size'] = size[::-1]
    try:
        net = _build(backbone)
        maps = _shapes(net, size)
    except (AssertionError, RuntimeError, ValueError) as error:
        reason = one_line(error) or type(error).__name__
        raise ConfigFault(f'{option} {name} cannot have crops of {size[0]} x '
                          f'{size[1]} pixels: {reason}') from error
    channels, height, width = maps
    plain = read_base(DEFAULT)
    ups = max(0, round(math.log2(step / 4)))
    heatmap = (width * 2**ups, height * 2**ups)
    ratio = heatmap[0] / plain.codec['heatmap_size'][0]
    codec = dict(
        input_size=size,
        heatmap_size=heatmap,
        sigma=max(MIN_SIGMA, round(plain.codec['sigma'] * ratio, 2)))
    head = dict(
        in_channels=channels,
        deconv_out_channels=(256, ) * ups,
        deconv_kernel_sizes=(4, ) * ups,
        decoder=codec)
    changed = dict(backbone=dict(_delete_=True, **backbone), head=head)
    mean, std = net.normalization
    own = plain.cfg.model.data_preprocessor
    if (list(own.mean), list(own.std)) != (mean, std):
        changed['data_preprocessor'] = dict(mean=mean, std=std)
    normed = any(isinstance(m, _NormBase) for m in net.modules())
    wrapper = {} if normed else copy.deepcopy(_TRANSFORMER)
    cfg = copy.deepcopy(plain.cfg)
    known = cfg.model.to_dict()
    merge(known, copy.deepcopy(changed))
    known['backbone'] = dict(backbone)
    cfg.model = known
    cfg.codec = known['head']['decoder']
    merged = cfg.optim_wrapper.to_dict()
    cfg.optim_wrapper = merge(merged, copy.deepcopy(wrapper))
    told = (f'the backbone is {model} of {LIBRARIES[kind]}, whose maps have '
            f'{channels} channels and {step} pixels')
    return plain._replace(
        cfg=cfg,
        codec=dict(cfg.codec),
        library=Library(name, changed, wrapper, told, warnings))


def _configs(kind: str, model: str, warnings: List[str]) -> dict:
    """Config of a backbone, and what is doubtful about it."""
    from semipose_mm.models.backbones.hugging_face import hugging_face_config
    from semipose_mm.models.backbones.timm import timm_config
    if kind == 'hf':
        backbone = hugging_face_config(model)
        if 'mean' not in backbone:
            warnings.append("has no preprocessor_config.json, so ImageNet's "
                            'mean and std are taken: change '
                            'model.data_preprocessor if it is made for others')
    else:
        backbone, licence = timm_config(model)
        if licence not in _FREE:
            warnings.append(f'has weights under the licence {licence}: read '
                            'it before you use what is trained from them')
    if 'init_cfg' not in backbone:
        warnings.append('has no weights: it starts from random ones, or from '
                        '--weights FILE')
    return backbone


def _is_fixed(model: str) -> bool:
    from semipose_mm.models.backbones.timm import pretrained_cfg
    return bool(pretrained_cfg(model).fixed_input_size)


def _build(backbone: dict):
    """A backbone without its weights, if possible without memory for them."""
    from semipose_mm.models.backbones.library import on_meta
    init_default_scope('mmpose')
    return on_meta(lambda: MODELS.build(dict(backbone, init_cfg=None)))


def _shapes(net, size: Tuple[int, int]) -> Tuple[int, int, int]:
    """Channels, height and width of the map of a crop."""
    from semipose_mm.models.backbones.library import on_meta
    device = next(net.parameters()).device

    def run():
        with torch.no_grad():
            return net.eval()(torch.zeros(1, 3, *size[::-1], device=device))

    return tuple(on_meta(run)[-1].shape[1:])


def leaf_overrides(base: Base, changed: dict) -> dict:
    """What of ``model`` a leaf says, in the place of the zoo's.

    Args:
        base (Base): The base.
        changed (dict): What changes in its network for one's own data.

    Returns:
        dict: The same, after what makes the network of a library.
    """
    own = copy.deepcopy(base.library.model) if base.library else dict()
    return merge(own, changed)
