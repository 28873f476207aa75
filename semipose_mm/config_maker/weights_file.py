# Copyright (c) semipose_mm authors.
"""What a checkpoint holds: a pose network, a backbone, or neither."""
import os.path as osp
import re
from typing import Any, Dict, List, NamedTuple, Optional

from mmengine.runner.checkpoint import CheckpointLoader
from torch import Size, Tensor

from semipose_mm.errors import RunError
from semipose_mm.models.backbones import LibraryBackbone
from .base import ConfigFault

#: Shapes of a network's entries by their names.
Shapes = Dict[str, Size]
BACKBONE = 'backbone.'


class Found(NamedTuple):
    """A checkpoint that fits a network.

    Attributes:
        path (str): Its absolute path or address.
        init_cfg (dict, optional): How a backbone reads it; None if it holds
            a whole pose network.
        kept (list[str]): Layers of the network that cannot take what it has.
        joints (list[str], optional): Names of its joints, if it tells them.
    """
    path: str
    init_cfg: Optional[dict] = None
    kept: List[str] = []
    joints: Optional[List[str]] = None


def read_weights(name: str,
                 own: Shapes,
                 base: str,
                 library: Optional[LibraryBackbone] = None) -> Found:
    """Read what a checkpoint is of.

    Args:
        name (str): A file, or an address, which is downloaded as a training
            would.
        own (dict): Shapes of the entries of network 0.
        base (str): Name of the base, for messages.
        library (LibraryBackbone, optional): Network 0's backbone, if it can
            read files of its own library.

    Returns:
        Found: What it is.

    Raises:
        ConfigFault: If it cannot be read, or has neither the base's backbone
            nor all of its network.
    """
    path = name if '://' in name else osp.abspath(osp.expanduser(name))
    if path != name and not osp.isfile(path):
        raise ConfigFault(f'--weights is {name}, but must be zoo, imagenet, '
                          'or a checkpoint: there is no such file')
    try:
        content = CheckpointLoader.load_checkpoint(path, 'cpu', 'silent')
    except RunError as error:
        raise ConfigFault(f'--weights {name}: {error}') from error
    state = content.get('state_dict', content) if isinstance(content,
                                                             dict) else {}
    found = {
        re.sub(r'^module\.', '', key): value.shape
        for key, value in state.items() if isinstance(value, Tensor)
    }
    # as MMPose 0.x named it
    found = {
        re.sub('^keypoint_head', 'head', key): shape
        for key, shape in found.items()
    }
    backbone = {k: v for k, v in own.items() if k.startswith(BACKBONE)}
    whole, alone = (
        sum(
            found.get(prefix + key[len(BACKBONE):]) == shape
            for key, shape in backbone.items()) for prefix in (BACKBONE, ''))
    init_cfg = dict(type='Pretrained', checkpoint=path)
    if library is not None and 2 * whole < len(backbone):
        try:
            library.read(path)
        except RunError as error:
            raise ConfigFault(f'--weights {name}: {error}') from error
        return Found(path, init_cfg)
    if 2 * max(whole, alone) < len(backbone):
        raise ConfigFault(
            f'--weights {name} is neither a pose network nor a backbone that '
            f'{base} has: of the {len(backbone)} entries of its backbone, '
            f'{max(whole, alone)} are in the file')
    if alone > whole:
        return Found(path, init_cfg)
    if not any(key in own for key in found if key.startswith('head.')):
        return Found(path, dict(init_cfg, prefix=BACKBONE))
    return Found(path, None, unlike(own, found), _joints(content))


def unlike(own: Shapes, found: Shapes) -> List[str]:
    """Layers of which a network has others than a checkpoint.

    Args:
        own (dict): Shapes of the network's entries.
        found (dict): Those of the checkpoint, or of one of its parts.

    Returns:
        list[str]: Their names, such as ``'head.final_layer'``.
    """
    parts = {key.partition('.')[0] for key in found}
    # positions of a transformer are resized when they are read
    return list(
        dict.fromkeys(
            key.rpartition('.')[0] for key, shape in own.items()
            if key.partition('.')[0] in parts and found.get(key) != shape
            and not key.endswith(('num_batches_tracked', 'pos_embed'))))


def _joints(content: Dict[str, Any]) -> Optional[List[str]]:
    """Names of joints, as MMPose 1.x writes them."""
    meta = content.get('meta')
    meta = meta.get('dataset_meta') if isinstance(meta, dict) else None
    names = meta.get('keypoint_id2name') if isinstance(meta, dict) else None
    return [names[i] for i in sorted(names)] if names else None
