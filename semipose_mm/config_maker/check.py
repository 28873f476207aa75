# Copyright (c) semipose_mm authors.
"""Building what was written: networks, data, and one item through both."""
import copy
import difflib
import importlib
import importlib.util
from typing import Iterator, NamedTuple, Optional, Tuple

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, MODELS
from torch import nn

import semipose_mm
from semipose_mm.structures import stack_labels
from .base import (PREFIX, Base, ConfigFault, MissingExtra, Unsupported,
                   read_base, zoo_names)
from .network import merge, network_overrides

EXTRA = 'mmpretrain'
#: Plain networks that every data set has, tried before unusual ones.
PLAIN = ('res50', 'hrnet-w32', 'hrnetv2-w18', 'rtmpose-m')
#: Kinds with a top-down map or vectors for each joint.
KINDS = ('topdown_heatmap', 'rtmpose')
DEFAULT = ('mmpose::body_2d_keypoint/topdown_heatmap/coco/'
           'td-hm_res50_8xb64-210e_coco-256x192.py')


class Built(NamedTuple):
    """What a config builds.

    Attributes:
        cfg (Config): The config.
        model (nn.Module): A ``SemiPoseEstimator``, without its weights.
        item (dict): An item of its training data.
    """
    cfg: Config
    model: nn.Module
    item: dict


def build_networks(model: dict, device: Optional[str] = None) -> nn.Module:
    """Build an estimator; its own checks say whether heads can be used.

    Args:
        model (dict): Config of a ``SemiPoseEstimator``.
        device (str, optional): ``'meta'`` builds networks without weights.
            Defaults to None, the CPU.

    Returns:
        nn.Module: The estimator.

    Raises:
        MissingExtra: If an optional package is needed.
        Unsupported: If its networks cannot teach one another.
    """
    init_default_scope('mmpose')
    needed = f"'{EXTRA}." in str(model)
    if needed and importlib.util.find_spec(EXTRA) is None:
        raise MissingExtra(f'the backbone is one of {EXTRA}, which is not '
                           f"installed: pip install 'semipose_mm[{EXTRA}]'")
    try:
        with torch.device(device or 'cpu'):
            return MODELS.build(copy.deepcopy(model))
    except RuntimeError:
        if device != 'meta':
            raise
        # transformers read their drop rates off a tensor
        return build_networks(model)
    except KeyError as error:
        # the registry's word on a class that nobody has
        reason = str(error.args[0]).partition(' registry.')[0]
        raise Unsupported(f'{reason} registry') from error
    except (TypeError, ValueError) as error:
        raise Unsupported(one_line(error)) from error


def one_line(error: Exception) -> str:
    """What an error says, without the class that MMEngine adds."""
    text = ' '.join(str(error).split())
    name, mark, rest = text.partition(': ')
    return rest if mark and name.startswith('class `') else text


def networks_config(base: Base,
                    peer: Optional[dict] = None,
                    num_keypoints: Optional[int] = None,
                    input_size: Optional[Tuple[int, int]] = None) -> dict:
    """A base's model as PoseDual, as a leaf would have it.

    Args:
        base (Base): A config.
        peer (dict, optional): Entry of ``model.peers``.
        num_keypoints (int, optional): Defaults to the base's.
        input_size (tuple, optional): Width and height of the crop. Defaults
            to the base's.

    Returns:
        dict: Config of a ``SemiPoseEstimator``.
    """
    for name in (base.cfg.get('custom_imports') or {}).get('imports', ()):
        importlib.import_module(name)
    ours = Config.fromfile(
        semipose_mm.config_path('_base_/posedual.py')).posedual.to_dict()
    if peer is not None:
        ours['peers'] = [peer]
    model = base.cfg.model.to_dict()
    merge(model, network_overrides(base, num_keypoints, input_size))
    return merge(model, ours)


def check_base(base: Base,
               peer: Optional[dict] = None,
               input_size: Optional[Tuple[int, int]] = None) -> nn.Module:
    """Check that a base's networks can teach one another.

    Args:
        base (Base): A config.
        peer (dict, optional): Entry of ``model.peers``.
        input_size (tuple, optional): Width and height of the crop. Defaults
            to the base's.

    Returns:
        nn.Module: The estimator, without weights.

    Raises:
        MissingExtra: If an optional package is needed.
        Unsupported: If they cannot.
    """
    return build_networks(
        networks_config(base, peer, None, input_size), 'meta')


def check_config(path: str) -> Built:
    """Build a config, and send an item through every network.

    Args:
        path (str): The config file.

    Returns:
        Built: What it builds.

    Raises:
        ConfigFault: If something cannot be built or does not fit.
    """
    cfg = Config.fromfile(path)
    model = build_networks(cfg.model.to_dict())
    try:
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
        DATASETS.build(cfg.val_dataloader.dataset)[0]
        item = dataset[0]
    except (OSError, ValueError, RuntimeError, AssertionError,
            KeyError) as error:
        raise ConfigFault(f'its data cannot be read: {one_line(error)}') \
            from error
    check_shapes(model, item)
    return Built(cfg, model, item)


def check_shapes(model: nn.Module, item: dict) -> None:
    """Check that what networks predict has the size of the labels.

    Args:
        model (nn.Module): A ``SemiPoseEstimator``.
        item (dict): An item of a ``SemiPoseDataset``.

    Raises:
        Unsupported: If a network has another size.
    """
    labeled = dict(
        inputs=[item['inputs']['labeled']],
        data_samples=[item['data_samples']['labeled']])
    batch = model.data_preprocessor(labeled)
    target = model.output.labeled_targets(stack_labels(batch['data_samples']))
    model.eval()
    with torch.no_grad():
        for number, net in enumerate(model.networks):
            try:
                output = model.output.run(net, batch['inputs'])
                model.output.check_sizes(output, target, number)
            except (AssertionError, RuntimeError, ValueError) as error:
                raise Unsupported(one_line(error)) from error


def _candidates(name: str) -> Iterator[str]:
    """Similar configs, the most similar ones first."""
    parts = name[len(PREFIX):].split('/')
    zoo = [one for one in zoo_names(*KINDS) if one != name]

    def order(one: str):
        theirs = one[len(PREFIX):].split('/')
        stem = theirs[-1]
        likeness = difflib.SequenceMatcher(None, parts[-1], stem).ratio()
        return (theirs[0] != parts[0], theirs[2:-1] != parts[2:-1], likeness
                < 0.9, not any(f'_{p}_' in stem for p in PLAIN), -likeness)

    return iter(sorted(zoo, key=order))


def nearest_supported(name: str, tries: int = 5) -> Optional[str]:
    """The config of the zoo that comes closest to an unsupported one.

    Args:
        name (str): ``mmpose::...``, or a file.
        tries (int): How many similar ones are built at most. Defaults to 5.

    Returns:
        str, optional: ``mmpose::...``; for a file, a plain config.
    """
    if not name.startswith(PREFIX):
        return DEFAULT
    for _, one in zip(range(tries), _candidates(name)):
        try:
            check_base(read_base(one))
            return one
        except (ConfigFault, MissingExtra):
            continue
    return DEFAULT
