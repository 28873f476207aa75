# Copyright (c) semipose_mm authors.
"""Where configs and tools lie: of a checkout, or of an installed package."""
from pathlib import Path


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
