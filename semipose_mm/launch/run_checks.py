# Copyright (c) semipose_mm authors.
"""What is checked before a run begins, as it would fail minutes later."""
import argparse
import os.path as osp
import tempfile
from typing import TYPE_CHECKING, Iterator, Tuple

from semipose_mm.launch.runner import is_url

if TYPE_CHECKING:
    from mmengine.config import Config


def check_writable(parser: argparse.ArgumentParser, name: str,
                   folder: str) -> None:
    """Refuse a folder in which no file could be written; none is left.

    Args:
        parser (ArgumentParser): Reports mistakes.
        name (str): The option or config key that names the folder.
        folder (str): The folder.
    """
    there = osp.abspath(folder)
    while not osp.lexists(there):
        there = osp.dirname(there)
    try:
        with tempfile.NamedTemporaryFile(dir=there) as file:
            file.write(b'0' * 4096)
    except OSError as error:
        parser.error(f'{name}: nothing can be written in {folder}: '
                     f'{error.strerror}')


def check_weights(parser: argparse.ArgumentParser, cfg: 'Config') -> None:
    """Refuse a config whose initial weights are missing files.

    Args:
        parser (ArgumentParser): Reports mistakes.
        cfg (Config): The whole config.
    """
    for key, path in weights_of(cfg):
        if isinstance(path, str) and path and not is_url(path) \
                and not osp.isfile(osp.expanduser(path)):
            parser.error(f'{key}: checkpoint file {path} does not exist')


def weights_of(cfg: 'Config') -> Iterator[Tuple[str, str]]:
    """Iterate the config keys that name a checkpoint, and their values.

    Args:
        cfg (Config): The whole config.
    """
    yield 'load_from', cfg.get('load_from')
    open_nodes = [('model', cfg.get('model'))]
    while open_nodes:
        key, node = open_nodes.pop()
        if isinstance(node, dict):
            if node.get('type') == 'Pretrained':
                yield f'{key}.checkpoint', node.get('checkpoint')
            open_nodes += [(f'{key}.{k}', v) for k, v in node.items()]
        elif isinstance(node, (list, tuple)):
            open_nodes += [(f'{key}.{i}', v) for i, v in enumerate(node)]
