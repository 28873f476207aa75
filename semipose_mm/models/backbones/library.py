# Copyright (c) semipose_mm authors.
"""What backbones of other libraries have in common."""
import re
from importlib import import_module
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
import torch
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from semipose_mm.errors import RunError
from .state import State, fit_state, read_state

#: The extra of this package that brings each library.
EXTRAS = dict(timm='timm', transformers='huggingface')
#: ImageNet's mean and standard deviation, of values in [0, 1].
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_STAGE = re.compile(r'(?:^|\.)(?:layers?|stages|blocks)\.(\d+)\.')
# entries named in a line of the log
_NAMED = 4


class MissingLibrary(ImportError):
    """A package that a backbone needs, and how to install it."""


def import_library(name: str) -> Any:
    """A package that is needed, or how to install it.

    Args:
        name (str): A key of :data:`EXTRAS`.

    Raises:
        MissingLibrary: If it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingLibrary(
            f'the backbone is one of {name}, which is not installed: '
            f"pip install 'semipose_mm[{EXTRAS[name]}]'") from error


def on_meta(build: Callable[[], Any]) -> Any:
    """Build something without memory for its weights, where that is possible.

    Args:
        build (Callable): Builds it.

    Returns:
        Any: It, on the meta device, else on the CPU.
    """
    try:
        with torch.device('meta'):
            return build()
    except RuntimeError:
        # some read numbers off a tensor
        return build()


def numbered_layers(net: nn.Module) -> Dict[str, int]:
    """The layer of each parameter, by numbers in the names.

    Args:
        net (nn.Module): With ``layer``, ``layers``, ``stages`` or ``blocks``.
    """
    layers, last = {}, 0
    for name, _ in net.named_parameters():
        found = _STAGE.search(name)
        # what follows the stages, a last norm, belongs to the last one
        last = int(found[1]) + 1 if found else last
        layers[name] = last
    return layers


def unused_parameters(net: nn.Module, maps: Sequence[Tensor]) -> List[str]:
    """Parameters on which no map depends.

    Args:
        net (nn.Module): The network.
        maps (Sequence[Tensor]): Its maps, made with gradients enabled; the
            meta device will do.

    Returns:
        list[str]: Their names in ``net``.
    """
    params = {k: p for k, p in net.named_parameters() if p.requires_grad}
    grads = torch.autograd.grad(
        sum(one.sum() for one in maps),
        list(params.values()),
        allow_unused=True)
    return [name for name, grad in zip(params, grads) if grad is None]


class LibraryBackbone(BaseModule):
    """Maps of a network of another library, for heads of MMPose.

    Its forward takes normalized images (N, 3, H, W) and gives a tuple of maps
    (N, C, H / stride, W / stride), one for each of ``out_indices``; tokens
    that belong to no place (class, registers) are left out. ``H`` and ``W``
    must be multiples of the stride.

    Args:
        model (nn.Module): The network.
        title (str): What messages call it.
        channels (Sequence[int]): Channels of the maps.
        strides (Sequence[int]): Input pixels by pixel of each map.
        layers (dict): The layer of each parameter of ``model``: 0 is what
            comes before the first stage or block, k the k-th of them.
        unused (Sequence[str]): Parameters on which no map depends. Defaults
            to ``()``
        frozen_stages (int | str): Layers up to this one are not trained, and
            their norms and drop paths are in evaluation mode; -1 freezes
            nothing, ``'all'`` the whole backbone. Defaults to -1
        norm_eval (bool): Whether batch norms use and keep their running
            statistics. Defaults to ``False``
        mean, std (Sequence[float], optional): Of the images that it was
            trained with, in RGB and [0, 255]. Defaults to ImageNet's
        img_size (tuple[int, int], optional): Height and width of the input,
            if others are not possible. Defaults to ``None``
        init_cfg (dict, optional): ``dict(type='Pretrained', checkpoint=...)``
            with a file or an address that :meth:`read` takes. Defaults to
            ``None``, the random weights of the library

    Raises:
        ValueError: If a value is not allowed.
    """

    def __init__(self,
                 model: nn.Module,
                 title: str,
                 channels: Sequence[int],
                 strides: Sequence[int],
                 layers: Dict[str, int],
                 unused: Sequence[str] = (),
                 frozen_stages: Union[int, str] = -1,
                 norm_eval: bool = False,
                 mean: Optional[Sequence[float]] = None,
                 std: Optional[Sequence[float]] = None,
                 img_size: Optional[Tuple[int, int]] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if init_cfg is not None and (init_cfg.get('type') != 'Pretrained'
                                     or 'checkpoint' not in init_cfg):
            raise ValueError(
                f'init_cfg of {title} is {dict(init_cfg)}, but must be '
                "dict(type='Pretrained', checkpoint=...) or None")
        self.model = model
        self.title = title
        #: list[int]: Channels of the maps.
        self.channels = list(channels)
        #: list[int]: Input pixels by pixel of each map.
        self.strides = list(strides)
        self.layers = layers
        #: tuple[list, list]: Mean and standard deviation in [0, 255].
        self.normalization = tuple(
            [float(v)
             for v in given] if given else [round(255 * v, 6) for v in known]
            for given, known in zip((mean, std), IMAGENET))
        self.img_size = tuple(img_size) if img_size else None
        if img_size:
            self.check_size(*img_size)
        self.norm_eval = norm_eval
        last = self.num_layers - 1
        if frozen_stages != 'all' and frozen_stages not in range(-1, last + 1):
            raise ValueError(
                f'frozen_stages of {title} is {frozen_stages!r}, but must be '
                f"-1 (nothing), 0 (the stem), 1 to {last}, or 'all'")
        self.frozen_stages = last if frozen_stages == 'all' else frozen_stages
        self.leave_untrained(unused)
        for name, param in self.model.named_parameters():
            if self.layers[name] <= self.frozen_stages:
                param.requires_grad = False
        # by their names, as a teacher's weights become buffers
        self._frozen = [
            name for name, module in self.model.named_modules()
            if self.frozen_stages >= 0 and any(True
                                               for _ in module.parameters())
            and not any(p.requires_grad for p in module.parameters())
        ]

    def leave_untrained(self, names: Sequence[str]) -> None:
        """Let no training wait for gradients of what no map depends on.

        Args:
            names (Sequence[str]): Parameters, see :func:`unused_parameters`;
                others than the network has are passed over.
        """
        for name, param in self.model.named_parameters():
            if name in names:
                param.requires_grad = False

    @property
    def num_layers(self) -> int:
        """int: Layers that can be frozen, or decayed by depth."""
        return max(self.layers.values()) + 1

    @property
    def no_weight_decay(self) -> List[str]:
        """List[str]: Parameters of ``model`` that are no weights."""
        return []

    @property
    def multiple(self) -> int:
        """int: Height and width of the input are multiples of this."""
        return max(self.strides)

    def check_size(self, height: int, width: int) -> None:
        """Refuse inputs of which a part would be cut off.

        Args:
            height (int): Height in pixels.
            width (int): Width in pixels.

        Raises:
            ValueError: If the backbone has no such input.
        """
        told = f'{self.title} got an input of {width}x{height} pixels'
        if self.img_size and (height, width) != self.img_size:
            raise ValueError(
                f'{told}, but its img_size (height, width) is '
                f'{self.img_size}: set model.backbone.img_size to '
                f'{(height, width)}')
        step = self.multiple
        if height % step or width % step:
            near = 'x'.join(
                str(max(1, round(v / step)) * step) for v in (width, height))
            raise ValueError(f'{told}, but takes multiples of {step}, such as '
                             f'{near}: set input_size to that')

    def forward(self, images: Tensor) -> Tuple[Tensor, ...]:
        """Maps of images (N, 3, H, W), see the class."""
        if not torch.jit.is_tracing():
            self.check_size(*images.shape[-2:])
        return tuple(self.maps(images))

    def maps(self, images: Tensor) -> Sequence[Tensor]:
        """Maps of images (N, 3, H, W), by the library."""
        raise NotImplementedError

    def train(self, mode: bool = True) -> 'LibraryBackbone':
        """As in torch, but what is frozen stays in evaluation mode."""
        super().train(mode)
        if not mode:
            return self
        for name in self._frozen:
            self.model.get_submodule(name).eval()
        for module in self.model.modules():
            if self.norm_eval and isinstance(module, _NormBase):
                module.eval()
        return self

    # ------------------------------------------------------------- weights

    def init_weights(self) -> None:
        """Read the checkpoint of ``init_cfg``, if there is one.

        Raises:
            RunError: If it cannot be read, or is of another network.
        """
        if self.init_cfg is not None:
            self.read(self.init_cfg['checkpoint'])
        self._is_init = True

    def read(self, path: str) -> None:
        """Read weights as the library or a training has written them.

        Args:
            path (str): ``.safetensors``, ``.pth`` and other files of torch,
                an address, or ``hf://OWNER/REPOSITORY``. Names of the
                entries may have a prefix.

        Raises:
            RunError: If it cannot be read, or has less than half of what the
                backbone needs.
        """
        # what converters draw is not used
        with torch.random.fork_rng(devices=[]):
            found = fit_state(self.model.state_dict(), read_state(path),
                              self.convert)
        own = len(self.model.state_dict())
        told = (f'Checkpoint {path}: {self.title} takes '
                f'{own - len(found.missing)} of its {own} entries' +
                f', those of {found.prefix}*' * bool(found.prefix))
        if 2 * len(found.missing) > own:
            raise RunError(f'{told}. Is it of another network? It lacks '
                           f'{_some(found.missing)} and has '
                           f'{_some(found.unused)}')
        self.model.load_state_dict(found.state, strict=False)
        if found.missing:
            told += f'; it keeps its own {_some(found.missing)}'
        if found.unused:
            told += f'; of the file it leaves {_some(found.unused)}'
        print_log(told, 'current', 30 if found.missing else 20)

    def convert(self, state: State) -> State:
        """Entries under the library's present names and for this input size.

        Args:
            state (dict): Entries of a file, without a prefix.

        Returns:
            dict: The same, or others.
        """
        return state


def check_normalization(backbone: nn.Module, preprocessor: nn.Module,
                        number: int) -> None:
    """Refuse images that are not normalized as a backbone's weights expect.

    Args:
        backbone (nn.Module): Of any kind; others than those of a library tell
            nothing.
        preprocessor (nn.Module): The model's data preprocessor.
        number (int): Number of the network, for the message.

    Raises:
        ValueError: If they are not.
    """
    if not isinstance(backbone, LibraryBackbone):
        return
    mean, std = backbone.normalization
    found = [
        getattr(preprocessor, name).flatten().tolist() if hasattr(
            preprocessor, name) else None for name in ('mean', 'std')
    ]
    swaps = getattr(preprocessor, '_channel_conversion', False)
    same = all(
        one is not None and len(one) == 3 and np.allclose(one, two, atol=0.01)
        for one, two in zip(found, (mean, std)))
    if not same or not swaps:
        raise ValueError(
            f'model.data_preprocessor has mean={found[0]}, std={found[1]}, '
            f'bgr_to_rgb={swaps}, but {backbone.title} (network {number}) '
            f'takes mean={mean}, std={std}, bgr_to_rgb=True: set these there, '
            'or mean and std of the backbone if its weights are made for '
            'others')


def _some(names: Sequence[str]) -> str:
    """The first names of many."""
    more = len(names) - _NAMED
    text = ', '.join(names[:_NAMED]) or 'nothing else'
    return text + (f' and {more} more' if more > 0 else '')
