# Copyright (c) semipose_mm authors.
"""The packages that semipose_mm stands on: tested versions and their check.

The ranges live here and nowhere else; ``requirements/`` pins, inside them,
what ``tools/install.sh`` installs. Only the standard library is imported, so
that the check also speaks where a package is missing or broken.
"""
import importlib.util
import re
import sys
import warnings
from importlib import metadata
from pathlib import Path
from typing import Callable, Dict, NamedTuple, Optional, Tuple


class VersionRange(NamedTuple):
    """The versions of a package that semipose_mm is made for.

    Attributes:
        minimum (str): The oldest version that is taken.
        below (str, optional): The first version that is too new. Defaults to
            None, no upper end.
        why (str): What breaks outside of the range. Defaults to ''.
    """
    minimum: str
    below: Optional[str] = None
    why: str = ''

    def __contains__(self, version: str) -> bool:
        found = parse_release(version)
        return found >= parse_release(
            self.minimum) and (self.below is None
                               or found < parse_release(self.below))

    def __str__(self) -> str:
        upper = f',<{self.below}' if self.below else ''
        return f'>={self.minimum}{upper}'


SUPPORTED: Dict[str, VersionRange] = {
    'torch':
    VersionRange('2.4', '2.16'),
    'numpy':
    VersionRange('1.26', '2.4', "mmpose's pictures fail with 2.4"),
    'mmengine':
    VersionRange('0.10.6', '0.11', 'later ones do not find mmpose:: configs'),
    'mmcv':
    VersionRange('2.0.1', '2.2', 'mmdet 3.x refuses mmcv 2.2'),
    'mmdet':
    VersionRange('3.0', '3.4'),
    'mmpose':
    VersionRange('1.3', '1.4'),
    'setuptools':
    VersionRange('40.0', '82', 'mmengine imports its pkg_resources'),
}
ADVICE = ('`bash tools/install.sh` in a checkout of semipose_mm installs '
          'versions that fit.')


def parse_release(version: str) -> Tuple[int, int, int]:
    """Take the first three numbers of a version.

    A pre-release counts as its release and a local part is dropped:
    '2.5.1+cu124' is (2, 5, 1), '0.11.0rc0' is (0, 11, 0).

    Args:
        version (str): The version.

    Returns:
        Tuple[int, int, int]: Major, minor and patch; 0 where there is none.
    """
    match = re.match(r'v?(\d+)(?:\.(\d+))?(?:\.(\d+))?', version)
    if match is None:
        return 0, 0, 0
    major, minor, patch = (int(part or 0) for part in match.groups())
    return major, minor, patch


def find_version(package: str) -> Optional[str]:
    """Tell the version of a package without importing it.

    Args:
        package (str): Name of the package, and of its module.

    Returns:
        str, optional: The version, or None if there is no such package.
        A package that has no metadata (a checkout on ``PYTHONPATH``, a
        renamed distribution) tells it in its ``version.py``.
    """
    loaded = getattr(sys.modules.get(package), '__version__', None)
    if loaded is not None:
        return str(loaded)
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        pass
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    for folder in spec.submodule_search_locations:
        file = Path(folder, 'version.py')
        if file.is_file():
            match = re.search(r"^__version__ *= *['\"]([^'\"]+)",
                              file.read_text(encoding='utf-8'), re.MULTILINE)
            if match:
                return match.group(1)
    return 'unknown'


def has_ops(package: str = 'mmcv') -> bool:
    """Tell whether mmcv has its ops, without importing it.

    Args:
        package (str): Name of its module. Defaults to ``'mmcv'``

    Returns:
        bool: True with the compiled mmcv, and with mmcv-lite beside
        ``packages/mmcv_ext``; False with mmcv-lite alone.
    """
    spec = importlib.util.find_spec(package)
    folders = spec and spec.submodule_search_locations or ()
    return any(next(Path(folder).glob('_ext.*'), None) for folder in folders)


def check_dependencies(find: Callable[[str], Optional[str]] = find_version,
                       ops: Callable[[], bool] = has_ops) -> None:
    """Refuse missing packages, warn of versions that were never tested.

    Args:
        find (Callable): Tells the version of a package, None if it is
            missing. Defaults to :func:`find_version`.
        ops (Callable): Tells whether mmcv has its ops. Defaults to
            :func:`has_ops`.

    Raises:
        ImportError: Names each package that is missing and the range.
    """
    missing, untested = [], []
    for package, allowed in SUPPORTED.items():
        version = find(package)
        needed = f'semipose_mm needs {package}{allowed}'
        if version is None:
            missing.append(f'{package} is not installed, {needed}')
        elif package == 'mmcv' and not ops():
            missing.append(
                f'mmcv {version} has no ops (mmcv-lite has none), {needed} '
                'with the module mmcv._ext: the compiled mmcv, or '
                'packages/mmcv_ext beside mmcv-lite')
        elif version not in allowed:
            reason = f' ({allowed.why})' if allowed.why else ''
            untested.append(f'{package} is {version}, tested are {allowed}'
                            f'{reason}')
    if missing:
        raise ImportError('; '.join(missing + untested) + f'. {ADVICE}')
    if untested:
        warnings.warn('; '.join(untested) + f'. {ADVICE}', stacklevel=2)
