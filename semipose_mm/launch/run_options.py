# Copyright (c) semipose_mm authors.
"""The options of a training, kept in its work folder for ``--resume``."""
import argparse
import json
import os.path as osp
from typing import Any, List

from semipose_mm.data_files import DataError, Findings
from semipose_mm.data_files.text import read_json
from semipose_mm.files import write_text

NAME = 'options.json'
#: What decides the training, and is the same for all of its parts.
KEPT = ('data_root', 'num_labels', 'hard', 'gpus', 'backbone_weights',
        'peer_weights', 'amp', 'fast', 'no_validate', 'auto_scale_lr', 'seed',
        'watch_labels', 'cfg_options')
#: What no config key is called.
_TUPLE = '(,)'
_PATHS = ('data_root', 'backbone_weights', 'peer_weights')


def _tagged(value: Any) -> Any:
    """A value of an option as json holds it, where tuples are no lists."""
    if isinstance(value, dict):
        return {name: _tagged(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_tagged(one) for one in value]
        return {_TUPLE: items} if isinstance(value, tuple) else items
    return value


def _untagged(entry: dict) -> Any:
    """The tuple that an object of json stands for, or the object."""
    return tuple(entry[_TUPLE]) if list(entry) == [_TUPLE] else entry


def keep_options(args: argparse.Namespace, work_dir: str) -> None:
    """Write the options of a training that begins into its work folder.

    Args:
        args (Namespace): The parsed options.
        work_dir (str): The folder.
    """
    kept = {name: getattr(args, name) for name in KEPT}
    kept = {k: v for k, v in kept.items() if v is not None and v is not False}
    for name in _PATHS:
        if name in kept and osp.exists(kept[name]):
            kept[name] = osp.abspath(kept[name])
    write_text(
        osp.join(work_dir, NAME),
        json.dumps(_tagged(kept), indent=1) + '\n')


def has_options(work_dir: str) -> bool:
    """Whether a folder keeps the options of a training.

    Args:
        work_dir (str): The folder.
    """
    return osp.isfile(osp.join(work_dir, NAME))


def take_options(args: argparse.Namespace, work_dir: str) -> List[str]:
    """Take options that are not given from a work folder.

    Args:
        args (Namespace): The parsed options; changed in place.
        work_dir (str): The folder.

    Returns:
        list[str]: The options that were taken, with their values.

    Raises:
        DataError: If the file in the folder is another one.
    """
    path, taken = osp.join(work_dir, NAME), []
    if not osp.isfile(path):
        return taken
    kept = read_json(path, '--resume', Findings(), _untagged)
    if not isinstance(kept, dict):
        raise DataError(f'{path} does not hold the options of a training: '
                        'remove it, and repeat the options')
    if args.resume != 'auto' and kept.get('cfg_options'):
        kept['cfg_options'].pop('load_from', None)
    for name in KEPT:
        value, given = kept.get(name), getattr(args, name)
        if name == 'cfg_options' and value:
            value = {k: v for k, v in value.items() if k not in (given or {})}
            given = None if value else given
            setattr(args, name, {**value, **(args.cfg_options or {})})
        # 0 is a seed that somebody gave
        if value in (None, {}) or (given is not None and given is not False):
            continue
        if name != 'cfg_options':
            setattr(args, name, value)
        option = f'--{name.replace("_", "-")}'
        taken.append(option if value is True else f'{option} {value}')
    return taken
