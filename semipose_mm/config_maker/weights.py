# Copyright (c) semipose_mm authors.
"""What networks start from: a pose checkpoint, a backbone's, or nothing."""
import copy
import re
from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence, Tuple

from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS

from semipose_mm.models.networks import own_state
from .base import Base, ConfigFault, zoo_file, zoo_folder
from .check import build_networks, networks_config
from .network import merge
from .weights_file import Shapes, read_weights, unlike

#: What ``--weights`` may be, beside a file or an address.
ZOO, IMAGENET = 'zoo', 'imagenet'
# layers named in a line
_NAMED = 4


class Weights(NamedTuple):
    """What networks start from.

    Attributes:
        source (str): What that is, in words.
        taken (str): What is taken of a whole network.
        load_from (str, optional): Checkpoint of a whole network.
        init_cfg (dict, optional): Checkpoint of a backbone.
        anew (list[str]): Layers that do not take what ``load_from`` has for
            them, as their joints are others.
        drops_load_from (bool): Whether that of the base is not meant.
    """
    source: str
    taken: str = ''
    load_from: Optional[str] = None
    init_cfg: Optional[dict] = None
    anew: Sequence[str] = ()
    drops_load_from: bool = False

    @property
    def told(self) -> str:
        """str: All of it, in a line."""
        return f'{self.source}: {self.taken}' if self.taken else self.source

    def set_backbones(self, base: Base, network: dict,
                      peer: Optional[dict]) -> None:
        """Leave backbones nothing to download that is overwritten.

        Args:
            base (Base): Network 0.
            network (dict): Overrides of ``model``; changed in place.
            peer (dict, optional): Entry of ``model.peers``; changed in place
                where its backbone is built as network 0's.
        """
        if self.load_from is None and self.init_cfg is None:
            return
        own = base.cfg.model.backbone.to_dict()
        if peer is not None and _same_backbone(own, network, peer):
            peer['backbone']['init_cfg'] = self.init_cfg
        init = self.init_cfg
        replaced = network.get('backbone', {}).get('_delete_')
        if init is not None and 'init_cfg' in own and not replaced:
            init = dict(_delete_=True, **init)
        merge(network, dict(backbone=dict(init_cfg=init)))

    def peer_told(self, peer: dict) -> Optional[str]:
        """What the backbone of another network starts from.

        Args:
            peer (dict): Entry of ``model.peers``.

        Returns:
            str, optional: None where it is what network 0 takes.
        """
        init = peer['backbone'].get('init_cfg')
        if init == self.init_cfg and (init or self.load_from):
            return None
        return _backbone_told(peer['backbone'])


def _same_backbone(own: dict, network: dict, peer: dict) -> bool:
    """Whether the backbone of a peer is built as network 0's."""
    built = merge(copy.deepcopy(own), network.get('backbone', dict()))
    known = ('init_cfg', '_delete_')
    first, other = ({
        k: v
        for k, v in one.items() if k not in known
    } for one in (built, peer['backbone']))
    return first == other


def index_weights(name: str) -> Optional[str]:
    """The checkpoint that MMPose's index names for a config.

    Args:
        name (str): ``mmpose::...``, or a config file.

    Returns:
        str, optional: Its address.
    """
    import yaml
    path, zoo = Path(zoo_file(name)), Path(zoo_folder())
    if zoo not in path.parents:
        return None
    # as metafiles name it
    config = f'configs/{path.relative_to(zoo).as_posix()}'
    for file in sorted(path.parent.glob('*.yml')):
        text = file.read_text(encoding='utf-8')
        if config not in text:
            continue
        content = yaml.safe_load(text)
        for model in content.get('Models') or ():
            # one address has a bracket before it
            address = re.search(r'https?://\S+', str(model.get('Weights')))
            if model.get('Config') == config and address:
                return address[0]
    return None


def base_joints(base: Base) -> Optional[List[str]]:
    """Names of the joints that a base predicts, in their order.

    Args:
        base (Base): The config.

    Returns:
        list[str], optional: None where its data do not tell.
    """
    data = (base.cfg.get('train_dataloader') or dict()).get('dataset') or {}
    kind = data.get('type')
    meta = data.get('metainfo') or getattr(
        DATASETS.get(kind) if isinstance(kind, str) else kind, 'METAINFO',
        None)
    if not meta:
        return None
    try:
        joints = parse_pose_metainfo(dict(meta))['keypoint_id2name']
    except OSError:  # a file of somebody else
        return None
    names = [joints[i] for i in sorted(joints)]
    # some heads predict a part of them
    same = len(names) == base.cfg.model.head.get('out_channels')
    return names if same else None


def choose_weights(wanted: Optional[str], base: Base, names: List[str],
                   input_size: Optional[Tuple[int,
                                              int]], network: dict) -> Weights:
    """Choose what networks start from.

    Args:
        wanted (str, optional): ``'zoo'``, ``'imagenet'``, or a checkpoint.
            None takes that of the index, or what the base says.
        base (Base): Network 0.
        names (list[str]): The joints.
        input_size (tuple, optional): Width and height, if they are not those
            of the base.
        network (dict): Overrides of ``model`` for these.

    Returns:
        Weights: What they start from.

    Raises:
        ConfigFault: If there is no such checkpoint, or it is of another
            network.
    """
    head = merge(base.cfg.model.head.to_dict(), network.get('head', dict()))
    if wanted not in (None, ZOO, IMAGENET):
        model = networks_config(base, None, len(names), input_size)
        # to read a file, a backbone of a library needs its weights
        net = build_networks(model, None if base.library else 'meta')
        found = read_weights(wanted, {
            k: v.shape
            for k, v in own_state(net).items()
        }, base.title, net.backbone if base.library else None)
        if found.init_cfg is not None:
            return Weights(
                f'{found.path} for backbones', init_cfg=found.init_cfg)
        return _whole(found.path, found.path, found.kept, found.joints, names,
                      head)
    address = None
    if wanted != IMAGENET and not base.library:
        address = index_weights(base.name)
    if address is not None:
        stock = _head_shapes(base.cfg.model.head.to_dict())
        kept = unlike(_head_shapes(head), stock)
        return _whole(address, f'{address}, which MMPose names for the base',
                      kept, base_joints(base), names, head)
    if wanted == ZOO:
        raise ConfigFault(f"--weights is {ZOO}, but MMPose's index names no "
                          f'checkpoint for {base.title}: leave it out, or '
                          f'name {IMAGENET} or a checkpoint')
    inherited = base.cfg.get('load_from')
    if wanted is None and inherited:
        return Weights(f'{inherited}, load_from of the base')
    source = _backbone_told(base.cfg.model.backbone) + ', as the base says'
    if wanted is None:
        source += "; MMPose's index names no pose checkpoint for it"
    return Weights(source, drops_load_from=bool(inherited))


def _whole(path: str, source: str, kept: List[str],
           joints: Optional[List[str]], names: List[str],
           head: dict) -> Weights:
    """The checkpoint of a whole network.

    Args:
        path (str): The checkpoint.
        source (str): What it is.
        kept (list[str]): Layers of another shape.
        joints (list[str], optional): Its joints, if it tells them.
        names (list[str]): Those that are wanted.
        head (dict): Config of the head for these.
    """
    anew: List[str] = []
    if joints is not None and len(joints) == len(names) and joints != names:
        more = dict(head, out_channels=len(names) + 1)
        anew = unlike(_head_shapes(head), _head_shapes(more))
    new = list(dict.fromkeys(kept + anew))
    dots = f' and {len(new) - _NAMED} more' if len(new) > _NAMED else ''
    taken = 'all layers'
    if new:
        taken += (f' but {", ".join(new[:_NAMED])}{dots}, which start anew, '
                  'as joints or sizes are others')
    elif joints is None:
        taken += '; it does not name its joints, which are taken to be yours'
    return Weights(source, taken, path, anew=anew)


def _head_shapes(head: dict) -> Shapes:
    net = build_networks(head, 'meta')
    return {f'head.{k}': v.shape for k, v in net.state_dict().items()}


def _backbone_told(backbone: dict) -> str:
    """What a backbone starts from by its own config."""
    init = backbone.get('init_cfg')
    parts = init if isinstance(init, (list, tuple)) else [init]
    found = [one['checkpoint'] for one in parts if one and 'checkpoint' in one]
    return f'{found[0]} for backbones' if found else 'random ones'
