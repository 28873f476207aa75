# Copyright (c) semipose_mm authors.
"""Networks of Hugging Face's transformers as backbones."""
import os.path as osp
from typing import Any, Dict, List, Optional, Sequence, Tuple

import torch
from mmpose.registry import MODELS
from torch import Tensor

from .library import (LibraryBackbone, import_library, numbered_layers,
                      on_meta, unused_parameters)
from .state import State

# what a config says of files, classes and stages, and not of the network
_NOT_NETWORK = ('architectures', '_name_or_path', 'transformers_version',
                'torch_dtype', 'dtype', 'id2label', 'label2id', 'out_features',
                'out_indices', 'stage_names', 'problem_type')


@MODELS.register_module()
class HuggingFaceBackbone(LibraryBackbone):
    """A network of Hugging Face's transformers as a backbone.

    Any that ``AutoBackbone`` has: DINOv2 and v3, ConvNeXt, Swin, ResNet, ...

    Args:
        config (dict): Its ``config.json``: ``model_type`` and what differs
            from the default of that type.
        out_indices (Sequence[int]): Stages or blocks whose maps are given, as
            transformers counts them, 0 being the stem. Defaults to
            ``(-1,)``, the last
        frozen_stages, norm_eval, mean, std, init_cfg: See
            :class:`LibraryBackbone`.

    Raises:
        MissingLibrary: If transformers is not installed.
        ValueError: If it has no such backbone.
    """

    def __init__(self,
                 config: Dict[str, Any],
                 out_indices: Sequence[int] = (-1, ),
                 frozen_stages: Any = -1,
                 norm_eval: bool = False,
                 mean: Optional[Sequence[float]] = None,
                 std: Optional[Sequence[float]] = None,
                 init_cfg: Optional[dict] = None) -> None:
        library = import_library('transformers')
        kind = config.get('model_type')
        title = f'backbone {kind} of transformers'
        try:
            self._config = library.AutoConfig.for_model(**config)
            self._config.out_indices = list(out_indices)
            net = library.AutoBackbone.from_config(self._config)
            sizes, unused = _probe(self._config)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = ' '.join(str(error).split())[:200]
            raise ValueError(f'{title} cannot be used: {reason}') from error
        super().__init__(
            net,
            title,
            channels=[size[0] for size in sizes],
            strides=[size[1] for size in sizes],
            layers=numbered_layers(net),
            frozen_stages=frozen_stages,
            norm_eval=norm_eval,
            mean=mean,
            std=std,
            init_cfg=init_cfg,
            unused=unused)

    def maps(self, images: Tensor) -> Sequence[Tensor]:
        """See :class:`LibraryBackbone`."""
        return self.model(images).feature_maps

    def convert(self, state: State) -> State:
        """See :class:`LibraryBackbone`: as transformers loads files."""
        net, info = type(self.model).from_pretrained(
            None,
            config=self._config,
            state_dict=dict(state),
            output_loading_info=True,
            ignore_mismatched_sizes=True)
        lacks = {*info['missing_keys']}
        lacks.update(one[0] for one in info['mismatched_keys'])
        found = {k: v for k, v in net.state_dict().items() if k not in lacks}
        unused = {k: state[k] for k in info['unexpected_keys'] if k in state}
        return {**unused, **found}


def _probe(config: Any) -> Tuple[List[Tuple[int, int]], List[str]]:
    """Channels and stride of each map, and parameters that none depends on."""
    size = getattr(config, 'image_size', None) or 224
    height, width = size if isinstance(size, (list, tuple)) else (size, size)
    auto = import_library('transformers').AutoBackbone

    def run():
        net = auto.from_config(config)
        maps = net(torch.zeros(1, 3, height, width)).feature_maps
        return maps, unused_parameters(net, maps)

    with torch.enable_grad():
        maps, unused = on_meta(run)
    return [(one.shape[1], round(height / one.shape[2]))
            for one in maps], unused


def hugging_face_config(name: str) -> dict:
    """Config of a model of Hugging Face.

    Args:
        name (str): A folder with ``config.json``, or ``OWNER/REPOSITORY`` of
            the hub, of which its config is downloaded.

    Returns:
        dict: The config, with ``mean`` and ``std`` if its files tell them.

    Raises:
        MissingLibrary: If transformers is not installed.
        ValueError: If there is no such model.
    """
    library = import_library('transformers')
    try:
        found = library.AutoConfig.from_pretrained(name).to_diff_dict()
    except (OSError, ValueError, KeyError) as error:
        reason = ' '.join(str(error).split())[:200]
        raise ValueError(
            f'{name} cannot be read; it must be a folder with config.json and '
            f'model.safetensors, or OWNER/REPOSITORY of the hub: {reason}'
        ) from error
    found = {k: v for k, v in found.items() if k not in _NOT_NETWORK}
    file = osp.join(osp.abspath(name), 'model.safetensors')
    cfg = dict(type='HuggingFaceBackbone', config=found)
    try:
        told, _ = library.image_processing_utils.ImageProcessingMixin.\
            get_image_processor_dict(name)
        cfg.update({
            key: [round(255 * v, 6) for v in told[f'image_{key}']]
            for key in ('mean', 'std')
        })
    except (OSError, KeyError):
        pass
    if osp.isfile(file) or not osp.isdir(name):
        where = file if osp.isfile(file) else f'hf://{name}'
        cfg['init_cfg'] = dict(type='Pretrained', checkpoint=where)
    return cfg
