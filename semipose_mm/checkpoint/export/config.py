# Copyright (c) semipose_mm authors.
"""The plain MMPose config of one network: for inference and evaluation."""
import copy
import inspect
import os.path as osp
from typing import Any, List, Optional, Set, Union

import mmpose
from mmengine.config import Config, ConfigDict
from mmengine.registry import Registry
from mmpose import registry as mmpose_registry
from mmpose.models.pose_estimators import TopdownPoseEstimator

from semipose_mm.models.backbones import LibraryBackbone
from semipose_mm.models.networks import peer_config
from .weights import ExportError

_PACKAGE = __name__.partition('.')[0]
# what is taken over; training has no part in it
_KEPT = ('backend_args', 'data_mode', 'dataset_type', 'default_scope',
         'env_cfg', 'log_level', 'log_processor')
_VISUALIZER = dict(
    type='PoseLocalVisualizer',
    name='visualizer',
    vis_backends=[dict(type='LocalVisBackend')])
# takes the place of metrics that MMPose does not have
_METRIC = dict(type='PCKAccuracy', thr=0.2, norm_item='bbox')
_TRAINING_HOOKS = ('checkpoint', 'param_scheduler', 'sampler_seed')


def plain_config(cfg: Config, number: int = 0) -> Config:
    """Make the config of one network as MMPose has it.

    Args:
        cfg (Config): Config of the training.
        number (int): The network. Defaults to 0

    Returns:
        Config: ``TopdownPoseEstimator`` with the data of validation and test,
        without anything of the training and of this package, but a backbone
        of timm or Hugging Face, for which ``custom_imports`` names it.

    Raises:
        ExportError: If something cannot be said without this package.
    """
    new = {key: cfg[key] for key in _KEPT if cfg.get(key) is not None}
    new = copy.deepcopy(new)
    new.update(model=network_config(cfg.model, number), **_evaluation(cfg))
    dataset = new['test_dataloader']['dataset']
    new.setdefault('default_scope', 'mmpose')
    new.setdefault('data_mode', dataset.get('data_mode', 'topdown'))
    if own_class(new.get('dataset_type')) or 'dataset_type' not in new:
        new['dataset_type'] = dataset['type']
    if dataset.get('data_root'):
        new['data_root'] = dataset['data_root']
    if dataset.get('pipeline'):
        new['val_pipeline'] = dataset['pipeline']
    new['codec'] = (new['model'].get('head') or {}).get('decoder')
    if not new['codec']:
        raise ExportError('model.head.decoder is missing, by which outputs '
                          'become keypoints')
    # a backend such as TensorBoard is the training's
    new['visualizer'] = dict(
        cfg.get('visualizer') or _VISUALIZER,
        name=_VISUALIZER['name'],
        vis_backends=_VISUALIZER['vis_backends'])
    new['default_hooks'] = {
        name: copy.deepcopy(hook)
        for name, hook in cfg.get('default_hooks', {}).items()
        if hook and name not in _TRAINING_HOOKS and not own_class(hook['type'])
    }
    imports = _needed_imports(cfg.get('custom_imports'), new)
    if imports:
        new['custom_imports'] = imports
    new = _tidy(ConfigDict(new).to_dict(), new['default_scope'])
    _refuse_own(new)
    return Config(new)


def network_config(model: ConfigDict, number: int = 0) -> dict:
    """The model of one network.

    Args:
        model (ConfigDict): Config of the training's model.
        number (int): The network. Defaults to 0

    Returns:
        dict: Config of a ``TopdownPoseEstimator`` without pretrained weights.

    Raises:
        ExportError: If ``model.peers`` has no such network.
    """
    peers = model.get('peers') or []
    if number > len(peers):
        raise ExportError(f'--network is {number}, but model.peers of the '
                          f'config has {len(peers)} entries')
    known = inspect.signature(TopdownPoseEstimator.__init__).parameters
    plain = {
        key: value
        for key, value in model.items()
        if key in known and key != 'train_cfg' and value is not None
    }
    if number:
        plain = peer_config(plain, peers[number - 1])
    plain = _without_init(copy.deepcopy(ConfigDict(plain).to_dict()))
    plain['type'] = 'TopdownPoseEstimator'
    plain.get('test_cfg', {}).pop('network', None)
    return _with_ancestors(plain)


def own_class(kind: Union[str, type, None]) -> Optional[type]:
    """The class of this package that a config's ``type`` names.

    Args:
        kind (str | type | None): The value of ``type``.

    Returns:
        type, optional: None if it is not of this package.
    """
    return next((c for c in _classes(kind)
                 if c.__module__.partition('.')[0] == _PACKAGE), None)


def needs_package(cfg: dict) -> bool:
    """Whether a plain config has a backbone that is a part of this package.

    Args:
        cfg (dict): The plain config.
    """
    return _is_library(cfg['model'].get('backbone'))


def _is_library(value: Any) -> bool:
    """Whether it is the config of a backbone of another library."""
    kind = value.get('type') if isinstance(value, dict) else None
    return any(issubclass(c, LibraryBackbone) for c in _classes(kind))


def _classes(kind: Union[str, type, None]) -> List[type]:
    """The registered classes that a config's ``type`` may mean."""
    if isinstance(kind, type):
        return [kind]
    found = (
        entry.module_dict.get(str(kind).rpartition('.')[2])
        for entry in vars(mmpose_registry).values()
        if isinstance(entry, Registry))
    return [cls for cls in found if cls is not None]


def _packages(value: Any) -> Set[str]:
    """The packages whose classes a config names."""
    found = set()
    if isinstance(value, dict):
        kind = value.get('type')
        if kind is not None:
            found = {
                cls.__module__.partition('.')[0]
                for cls in _classes(kind)
            }
            found.add(str(kind).rpartition('.')[0].partition('.')[0])
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        found = found.union(*map(_packages, value))
    return found


def _without_init(value: Any) -> Any:
    """Drop initial weights: a checkpoint has them all."""
    if isinstance(value, dict):
        return {
            key: _without_init(item)
            for key, item in value.items()
            if key not in ('init_cfg', 'pretrained')
        }
    if isinstance(value, (list, tuple)):
        return type(value)(map(_without_init, value))
    return value


def _with_ancestors(value: Any) -> Any:
    """Put MMPose's classes where ours are children of them."""
    if isinstance(value, dict):
        value = {key: _with_ancestors(item) for key, item in value.items()}
        own = own_class(value.get('type'))
        if own is not None:
            value['type'] = next(
                (base.__name__ for base in own.__mro__
                 if base.__module__.partition('.')[0] == 'mmpose'),
                value['type'])
        return value
    if isinstance(value, (list, tuple)):
        return type(value)(map(_with_ancestors, value))
    return value


def _evaluation(cfg: Config) -> dict:
    """Dataloaders, metrics and loops of validation and test."""
    new = {}
    for part, other in (('val', 'test'), ('test', 'val')):
        source = part if cfg.get(f'{part}_dataloader') else other
        loader = cfg.get(f'{source}_dataloader')
        if not loader:
            raise ExportError(
                'the config has neither test_dataloader nor val_dataloader, '
                'whose pipeline inference uses')
        new[f'{part}_dataloader'] = _inline_metainfo(
            copy.deepcopy(loader), f'{source}_dataloader')
        new[f'{part}_evaluator'] = _stock_metrics(
            cfg.get(f'{source}_evaluator'))
        loop = cfg.get(f'{source}_cfg') or {}
        new[f'{part}_cfg'] = {k: v for k, v in loop.items() if k == 'fp16'}
    return new


def _stock_metrics(evaluator: Any) -> List[dict]:
    """The metrics that MMPose has, or one in their place."""
    if isinstance(evaluator, dict) and 'metrics' in evaluator:
        evaluator = evaluator['metrics']
    if isinstance(evaluator, dict):
        evaluator = [evaluator]
    stock = [_stock_metric(metric) for metric in evaluator or []]
    kept = [metric for metric in stock if not own_class(metric.get('type'))]
    return copy.deepcopy(kept) or [dict(_METRIC)]


def _stock_metric(metric: dict) -> dict:
    """The metric of MMPose that ours is a faster version of, if it is."""
    kind = own_class(metric.get('type'))
    if kind is not None and kind.__name__ == 'FastCocoMetric':
        return dict(metric, type='CocoMetric')
    return metric


def _inline_metainfo(value: Any, where: str) -> Any:
    """Take in files of metainfo that are not MMPose's own."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == 'metainfo' and item and 'from_file' in item:
                value[key] = _read_metainfo(item, f'{where}.{key}')
            else:
                _inline_metainfo(item, f'{where}.{key}')
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            _inline_metainfo(item, f'{where}[{i}]')
    return value


def _read_metainfo(metainfo: dict, where: str) -> dict:
    """The content of a ``from_file``."""
    path = metainfo['from_file']
    if osp.isfile(path):
        return Config.fromfile(path).dataset_info
    # MMPose itself looks there, by the file's name alone
    folder = osp.join(osp.dirname(mmpose.__file__), '.mim/configs/_base_')
    if osp.isfile(osp.join(folder, 'datasets', osp.basename(path))):
        return metainfo
    raise ExportError(f'{where}.from_file: file {path} does not exist')


def _needed_imports(imports: Optional[dict], new: dict) -> Optional[dict]:
    """``custom_imports`` of packages whose classes the new config names."""
    if not imports:
        return None
    modules = imports.get('imports') or []
    modules = [modules] if isinstance(modules, str) else modules
    packages = _packages(new)
    if not needs_package(new):
        packages -= {_PACKAGE}
    kept = [m for m in modules if m.partition('.')[0] in packages]
    return dict(imports, imports=kept) if kept else None


def _tidy(value: Any, scope: str) -> Any:
    """Drop what inheritance left behind: scopes that are the default's."""
    if isinstance(value, dict):
        return {
            key: _tidy(item, scope)
            for key, item in value.items()
            if not (key == '_scope_' and item == scope)
        }
    if isinstance(value, (list, tuple)):
        return type(value)(_tidy(item, scope) for item in value)
    return value


def _refuse_own(value: Any, where: str = '') -> None:
    """Make sure that nothing of this package is left."""
    if isinstance(value, dict):
        if own_class(value.get('type')) and not _is_library(value):
            raise ExportError(
                f'{where}.type is {value["type"]}, which MMPose does not '
                'have: take what MMPose has in its place')
        for key, item in value.items():
            _refuse_own(item, f'{where}.{key}' if where else str(key))
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            _refuse_own(item, f'{where}[{i}]')
