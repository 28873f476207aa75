# Copyright (c) semipose_mm authors.
"""Where configs and tools lie, and which class an entry is of."""
from pathlib import Path
from typing import Any


def find_root() -> Path:
    """Find what stands for the checkout: ``.mim``, or the checkout itself.

    Returns:
        Path: The folder that holds ``configs`` and ``tools``.

    Raises:
        FileNotFoundError: If there is neither.
    """
    package = Path(__file__).resolve().parent
    for root in (package / '.mim', package.parent):
        if (root / 'configs').is_dir() and (root / 'tools').is_dir():
            # an editable installation links to the checkout
            return (root / 'tools').resolve().parent
    raise FileNotFoundError(
        f'neither {package}/.mim nor {package.parent} has configs and tools: '
        'install the package by pip, or use a whole checkout')


def config_path(name: str) -> str:
    """Path of a file of ``configs/``, wherever the package lies.

    MMEngine finds configs of OpenMMLab's packages by ``mmpose::...`` and
    those of no other package, so that a config outside of the repository
    writes ``__import__('semipose_mm').config_path('_base_/posedual.py')``
    in its ``_base_``.

    Args:
        name (str): Path below ``configs/``.

    Returns:
        str: Absolute path.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    path = find_root() / 'configs' / name
    if not path.is_file():
        raise FileNotFoundError(f"semipose_mm has no config '{name}': there "
                                f'is no file {path}')
    return str(path)


def type_name(cfg: Any, default: str = '') -> str:
    """Name of the class that a config has built, without a scope.

    Args:
        cfg (Any): With ``type``, a class or its name with or without scope;
            what is no dict has no name.
        default (str): Stands for a missing type. Defaults to ``''``
    """
    kind = cfg.get('type', default) if isinstance(cfg, dict) else ''
    kind = kind if isinstance(kind, str) else getattr(kind, '__name__', '')
    return kind.rpartition('.')[2]
