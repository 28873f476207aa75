# Copyright (c) semipose_mm authors.
"""Networks of timm as backbones."""
import difflib
import sys
from functools import partial
from typing import Any, Dict, List, Optional, Sequence, Tuple

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from .library import (LibraryBackbone, import_library, numbered_layers,
                      on_meta, unused_parameters)
from .state import State


def pretrained_cfg(name: str) -> Any:
    """What timm knows of a model's weights: normalization, size, licence.

    Args:
        name (str): Such as ``'convnext_atto'`` or ``'convnext_atto.d2_in1k'``.

    Returns:
        timm.models.PretrainedCfg: Of the weights that it names, or of the
        first ones.

    Raises:
        ValueError: If timm has no such model.
    """
    timm = import_library('timm')
    model, _, tag = name.partition('.')
    if not timm.is_model(model):
        known, near = timm.list_models(), model
    elif tag and name not in timm.list_pretrained(f'{model}.*'):
        known, near = timm.list_pretrained(f'{model}.*'), name
    else:
        found = timm.models.get_pretrained_cfg(name, allow_unregistered=True)
        return found or timm.models.PretrainedCfg()
    close = difflib.get_close_matches(near, known, 4, 0.)
    raise ValueError(f'timm {timm.__version__} has no model {name}; the most '
                     f'similar ones are {", ".join(close)}')


@MODELS.register_module()
class TimmBackbone(LibraryBackbone):
    """A network of timm (Wightman, PyTorch Image Models) as a backbone.

    Any of its models with ``forward_intermediates`` will do: ConvNeXt, ViT,
    DINOv2 and v3, Swin, EfficientNet and most others.

    Args:
        model (str): Its name, with or without that of weights, such as
            ``'vit_small_patch14_dinov2.lvd142m'``; ``timm.list_models()`` has
            all. Weights are read by ``init_cfg`` alone.
        out_indices (Sequence[int]): Stages or blocks whose maps are given;
            later ones are left out. Defaults to ``(-1,)``, the last
        img_size (tuple[int, int], optional): Height and width of the input;
            models that are made for one size (ViT, Swin) need it where it is
            not that. Defaults to ``None``
        frozen_stages, norm_eval, mean, std, init_cfg: See
            :class:`LibraryBackbone`. ``mean`` and ``std`` default to those
            of the weights that ``model`` names.
        **kwargs: Arguments of the model, such as ``drop_path_rate=0.1``.

    Raises:
        MissingLibrary: If timm is not installed.
        ValueError: If it has no such model, or that takes no such arguments.
    """

    def __init__(self,
                 model: str,
                 out_indices: Sequence[int] = (-1, ),
                 img_size: Optional[Tuple[int, int]] = None,
                 frozen_stages: Any = -1,
                 norm_eval: bool = False,
                 mean: Optional[Sequence[float]] = None,
                 std: Optional[Sequence[float]] = None,
                 init_cfg: Optional[dict] = None,
                 **kwargs) -> None:
        known = pretrained_cfg(model)
        if img_size is not None:
            kwargs['img_size'] = tuple(img_size)
        elif known.fixed_input_size:
            img_size = known.input_size[1:]
        title = f'backbone {model} of timm'
        create = partial(
            import_library('timm').create_model,
            model.partition('.')[0],
            num_classes=0,
            **kwargs)
        try:
            net = create()
        except TypeError as error:
            raise ValueError(f'{title} does not take {kwargs}: '
                             f'{error}') from error
        if not hasattr(net, 'forward_intermediates'):
            raise ValueError(
                f'{title} cannot be used: it has no forward_intermediates, '
                'by which timm gives maps of a stage')
        num = len(net.feature_info)
        for index in out_indices:
            if not -num <= index < num:
                raise ValueError(f'out_indices of {title} has {index}, but '
                                 f'there are 0 to {num - 1}, or -{num} to -1')
        indices = [i % num for i in out_indices]
        info = [net.feature_info[i] for i in indices]
        net.prune_intermediate_layers(
            indices, prune_norm=False, prune_head=True)
        super().__init__(
            net,
            title,
            channels=[one['num_chs'] for one in info],
            strides=[one['reduction'] for one in info],
            layers=_layers(net),
            frozen_stages=frozen_stages,
            norm_eval=norm_eval,
            mean=mean or [round(255 * v, 6) for v in known.mean],
            std=std or [round(255 * v, 6) for v in known.std],
            img_size=img_size,
            init_cfg=init_cfg)
        self.out_indices = indices
        self._create = create
        self._probe()

    @property
    def no_weight_decay(self) -> List[str]:
        """List[str]: Parameters that timm names as no weights."""
        return list(getattr(self.model, 'no_weight_decay', list)())

    def maps(self, images: Tensor) -> Sequence[Tensor]:
        """See :class:`LibraryBackbone`; a ViT's are normalized by its own."""
        return self.model.forward_intermediates(
            images,
            indices=self.out_indices,
            norm=self.norm,
            output_fmt='NCHW',
            intermediates_only=True)

    def _probe(self) -> None:
        """Find by passes without values what the maps are, and depend on.

        Raises:
            ValueError: If they are no maps of the whole input.
        """
        size = self.img_size or (8 * self.multiple, ) * 2

        def run():
            net = self._create().eval()
            maps = net.forward_intermediates(
                torch.zeros(1, 3, *size),
                indices=self.out_indices,
                norm=self.norm,
                output_fmt='NCHW',
                intermediates_only=True)
            return maps, unused_parameters(net, maps)

        with torch.enable_grad():
            #: bool: Whether its last norm is applied to the maps.
            self.norm = True
            try:
                try:
                    maps, unused = on_meta(run)
                except AssertionError:
                    # how some of timm say that they cannot
                    self.norm = False
                    maps, unused = on_meta(run)
            except Exception as error:  # whatever a network does
                reason = ' '.join(str(error).split())[:200]
                raise ValueError(
                    f'{self.title} cannot be used: '
                    f'{reason or type(error).__name__}') from error
        self.channels = [one.shape[1] for one in maps]
        for one, stride in zip(maps, self.strides):
            if tuple(one.shape[2:]) != tuple(v // stride for v in size):
                raise ValueError(
                    f'{self.title} cannot be used: of {size[0]} x {size[1]} '
                    f'pixels it makes maps of {tuple(one.shape[2:])}, which '
                    f'are not one for {stride} pixels')
        self.leave_untrained(unused)

    def convert(self, state: State) -> State:
        """See :class:`LibraryBackbone`: by the converter of the model."""
        whole = self._create()
        module = sys.modules[type(whole).__module__]
        converter = getattr(module, 'checkpoint_filter_fn', None)
        if converter is not None:
            state = converter(dict(state), whole)
        return state


def _layers(net: nn.Module) -> Dict[str, int]:
    """The layer of each parameter, by timm's own groups if it has some."""
    try:
        matcher = net.group_matcher(coarse=True)
    except (AssertionError, AttributeError):
        return numbered_layers(net)
    models = import_library('timm').models
    return models.group_parameters(net, matcher, reverse=True)


def timm_config(name: str) -> Tuple[dict, str]:
    """Config of a model of timm, and the licence of its weights.

    Args:
        name (str): Name of a model, with or without that of weights.

    Returns:
        tuple: The config, with weights of the hub if there are some, and
        their licence, ``''`` if it is not known.

    Raises:
        MissingLibrary: If timm is not installed.
        ValueError: If it has no such model.
    """
    known = pretrained_cfg(name)
    if '.' not in name and known.has_weights:
        name = f'{name}.{known.tag}'
    cfg = dict(type='TimmBackbone', model=name)
    if known.hf_hub_id:
        file = known.hf_hub_filename
        cfg['init_cfg'] = dict(
            type='Pretrained',
            checkpoint=f'hf://{known.hf_hub_id}' +
            (f'/{file}' if file else ''))
    elif known.url:
        cfg['init_cfg'] = dict(type='Pretrained', checkpoint=known.url)
    return cfg, known.license or ''
