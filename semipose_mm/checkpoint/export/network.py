# Copyright (c) semipose_mm authors.
"""The checkpoint of one network as MMPose has it, and what is told of it."""
import os.path as osp
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple, Union

import mmengine
import mmpose
from mmengine.config import Config
from mmpose.apis.inference import dataset_meta_from_config
from torch import Tensor

from semipose_mm.version import __version__
from ..plain import from_plain, to_builtin
from .config import network_config, plain_config
from .weights import (ExportError, average_weights, network_numbers,
                      network_weights)

#: str: Name of the weight average among networks.
AVERAGE = 'average'
# what of a network is the same in training and inference
_ARCHITECTURE = ('backbone', 'neck', 'head')
# parts of a config with files of annotations
_ANNOTATED = dict(
    labeled=('train_dataloader', 'dataset', 'labeled'),
    unlabeled=('train_dataloader', 'dataset', 'unlabeled'),
    train=('train_dataloader', 'dataset'),
    val=('val_dataloader', 'dataset'))


class Export(NamedTuple):
    """One network out of a training.

    Attributes:
        network (int | str): Its number, the name of a teacher, or
            ``'average'``.
        key (int | str): The network of the training's model that has these
            weights in ``training_state``; network 0 for the average.
        config (Config): The plain config.
        state (dict): Its weights under MMPose's names.
        training_state (dict): State dict of the training's model.
        dataset_meta (dict): Meta information of the data set, as lists.
    """
    network: Union[int, str]
    key: Union[int, str]
    config: Config
    state: Dict[str, Tensor]
    training_state: Dict[str, Tensor]
    dataset_meta: dict


def make_export(cfg: Config, checkpoint: dict, network: Union[int,
                                                              str]) -> Export:
    """Take a network out of a training.

    Args:
        cfg (Config): Config of the training.
        checkpoint (dict): Its checkpoint.
        network (int | str): A number, the name of a teacher, or
            ``'average'``.

    Returns:
        Export: The network.

    Raises:
        ExportError: If it cannot be taken out.
    """
    states = checkpoint.get('state_dict', checkpoint)
    key = 0 if network == AVERAGE else network
    number = architecture(cfg, key)
    state = network_weights(states, key)
    if network == AVERAGE:
        state = average_weights(
            [network_weights(states, i) for i in network_numbers(states)])
        _check_architectures(cfg)
        states = dict(states, **state)
    plain = plain_config(cfg, number)
    meta = from_plain(checkpoint.get('meta') or {}).get('dataset_meta')
    if meta is None:
        meta = dataset_meta_from_config(plain, 'val')
    if meta is None:
        raise ExportError('neither the checkpoint nor val_dataloader.dataset '
                          'of the config tells the keypoints (metainfo)')
    return Export(network, key, plain, state, states, to_builtin(meta))


def architecture(cfg: Config, key: Union[int, str]) -> int:
    """Number of the trained network that is built as one.

    Args:
        cfg (Config): Config of the training.
        key (int | str): A number, or the name of a teacher.

    Raises:
        ExportError: If there is no such teacher, or its weights are those of
            another training.
    """
    if not isinstance(key, str):
        return key
    teachers = cfg.model.get('teachers') or {}
    if key not in teachers:
        raise ExportError(f'--network is {key}, but must be a number, average'
                          f' or a name in model.teachers of the config'
                          f' ({", ".join(teachers) or "which has none"})')
    if 'of' not in teachers[key]:
        raise ExportError(
            f'--network is {key}, but the weights of {teachers[key]["type"]} '
            f'are in no checkpoint of this training: take '
            f'model.teachers.{key}.checkpoint')
    return teachers[key]['of']


def _check_architectures(cfg: Config) -> None:
    """Refuse the average of networks that use equal weights differently."""
    first = network_config(cfg.model)
    for number in range(1, 1 + len(cfg.model.get('peers') or [])):
        other = network_config(cfg.model, number)
        for key in _ARCHITECTURE:
            parts = [{
                k: v
                for k, v in (net.get(key) or {}).items() if k != 'loss'
            } for net in (first, other)]
            for name in {**parts[0], **parts[1]}:
                values = [part.get(name) for part in parts]
                if values[0] != values[1]:
                    raise ExportError(
                        '--network average needs equal networks, but '
                        f'model.{key}.{name} is {values[0]} in network 0 and '
                        f'{values[1]} in network {number}')


def make_checkpoint(export: Export, about: dict) -> dict:
    """The content of the exported file: weights and plain values.

    Args:
        export (Export): The network.
        about (dict): ``meta.semipose``, see :func:`describe`.

    Returns:
        dict: ``state_dict`` and ``meta``; it loads with ``weights_only``.
    """
    return dict(
        state_dict=export.state,
        meta=dict(
            cfg=export.config.pretty_text,
            dataset_meta=export.dataset_meta,
            mmengine_version=mmengine.__version__,
            mmpose_version=mmpose.__version__,
            semipose=about))


def describe(export: Export, checkpoint: dict, recipe: str, data: dict,
             source: dict) -> dict:
    """What the exported checkpoint tells about itself.

    Args:
        export (Export): The network.
        checkpoint (dict): The training's.
        recipe (str): Name of the training's config.
        data (dict): Its annotation files, see :func:`data_manifest`.
        source (dict): Name and sha256 of the training's checkpoint.

    Returns:
        dict: Plain values. ``scores`` has those of every network at the last
        validation before the checkpoint, ``best`` those at the best one.
    """
    meta = checkpoint.get('meta') or {}
    record = from_plain(meta.get('semipose')) or {}
    names = export.dataset_meta.get('keypoint_id2name') or {}
    return to_builtin(
        dict(
            version=__version__,
            recipe=recipe,
            network=export.network,
            joints=[names[i] for i in sorted(names)],
            iteration=meta.get('iter'),
            epoch=meta.get('epoch'),
            selected=record.get('network'),
            save_best=record.get('save_best', {}),
            scores=record.get('scores'),
            best=record.get('best', {}),
            data=data,
            source=source))


def data_manifest(cfg: Config, digest: Callable[[str], str]) -> dict:
    """The annotation files of a training and what is in them.

    Args:
        cfg (Config): Its config.
        digest (Callable): SHA-256 of a file by its path.

    Returns:
        dict: For ``labeled``, ``unlabeled`` (or ``train`` in a config without
        such parts) and ``val`` a list of names and checksums; None for a
        file that is not there.
    """
    manifest = {}
    for part, path in _ANNOTATED.items():
        if part == 'train' and manifest:
            continue
        dataset = cfg
        for key in path:
            dataset = (dataset or {}).get(key)
        files = annotation_files(dataset)
        if files:
            manifest[part] = [
                dict(
                    file=osp.basename(name),
                    sha256=digest(name) if osp.isfile(name) else None)
                for name in files
            ]
    return manifest


def annotation_files(dataset: Optional[dict]) -> List[str]:
    """Paths of annotations, image lists and detections of a data set.

    Args:
        dataset (dict, optional): Its config; wrappers are looked into.
    """
    found = []
    if not isinstance(dataset, dict):
        return found
    for key in ('ann_file', 'bbox_file'):
        path = dataset.get(key)
        if path:
            inside = osp.join(dataset.get('data_root') or '', path)
            # MMPose takes detections without the root, we with either
            found.append(
                inside if key == 'ann_file' or not osp.isfile(path) else path)
    inner = dataset.get('datasets') or [dataset.get('dataset')]
    for item in inner:
        found += annotation_files(item)
    return list(dict.fromkeys(found))


def scores_by_network(
        about: dict) -> Tuple[Dict[str, Dict[str, float]], Optional[int]]:
    """Scores of the networks and the iteration of their validation.

    Args:
        about (dict): ``meta.semipose`` of an exported checkpoint.

    Returns:
        tuple: Empty and None where no validation came before.
    """
    scores = about.get('scores') or {}
    return scores.get('networks', {}), scores.get('iteration')
