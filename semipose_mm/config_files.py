# Copyright (c) semipose_mm authors.
"""Where our base configs lie, for configs outside of the repository."""
import os.path as osp

#: Folders of ``configs/``: of an installed package, and of a checkout.
_FOLDERS = ('.mim/configs', '../configs')


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
    package = osp.dirname(osp.abspath(__file__))
    for folder in _FOLDERS:
        path = osp.normpath(osp.join(package, folder, name))
        if osp.isfile(path):
            return path
    raise FileNotFoundError(
        f"semipose_mm has no config '{name}' in "
        f'{" or ".join(osp.join(package, folder) for folder in _FOLDERS)}: '
        'install the package by pip, or use a whole checkout')
