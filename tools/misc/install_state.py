# Copyright (c) semipose_mm authors.
"""What is installed and what should be, for ``tools/install.sh``.

Reads metadata only and imports nothing beyond the standard library, so
that an installation that is complete is recognized at once.
"""
import argparse
import hashlib
import importlib.util
import json
import re
import shutil
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import Dict, Iterable, List, Optional

ROOT = Path(__file__).resolve().parents[2]
CV2 = ('opencv-python-headless', 'opencv-python', 'opencv-contrib-python',
       'opencv-contrib-python-headless')


def load_dependencies():
    """Load ``semipose_mm/dependencies.py`` without its package."""
    spec = importlib.util.spec_from_file_location(
        'semipose_dependencies', ROOT / 'semipose_mm/dependencies.py')
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def version(package: str) -> Optional[str]:
    """Tell the version of an installed package, None if it is missing."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def read(root: Path, *names: str) -> List[str]:
    """Read requirements without their comments."""
    lines = []
    for name in names:
        text = (root / 'requirements' / f'{name}.txt').read_text('utf-8')
        lines += [line.split('#')[0].strip() for line in text.splitlines()]
    return [line for line in lines if line]


def pins(root: Path) -> Dict[str, str]:
    """Collect what is pinned to one version."""
    lines = read(root, 'torch', 'mminstall', 'runtime')
    return dict(line.split('==') for line in lines if '==' in line)


def satisfied(requirement: str) -> bool:
    """Tell whether a requirement such as 'six' or 'yapf>=0.4,<1' is met."""
    name, _, rest = re.match(r'([\w.-]+)(\[.*\])?(.*)', requirement).groups()
    found = version(name)
    if found is None or name == 'torch' and not rest:
        return found is not None and found in load_dependencies(
        ).SUPPORTED['torch']
    parse = load_dependencies().parse_release
    for operator, bound in re.findall(r'([=<>]+)([\w.]+)', rest):
        if operator == '==':
            fits = found.split('+')[0] == bound
        elif operator == '>=':
            fits = parse(found) >= parse(bound)
        else:
            fits = parse(found) < parse(bound)
        if not fits:
            return False
    return True


def runtime(root: Path, tests: bool) -> List[str]:
    """Name what pip has to install, keeping an OpenCV 4 that is there.

    All builds of OpenCV share one folder, so a second one is not added.
    """
    lines = read(root, 'runtime', *(('tests', 'lint') if tests else ()))
    others = [version(name) for name in CV2[1:]]
    if any(other and other.startswith('4.') for other in others):
        lines = [line for line in lines if not line.startswith(CV2[0])]
    return sorted(set(lines))


def digest(root: Path) -> str:
    """Hash what says which packages there should be."""
    total = hashlib.sha256()
    for file in sorted((root / 'requirements').glob('*.txt')):
        total.update(file.name.encode() + file.read_bytes())
    total.update((root / 'semipose_mm/dependencies.py').read_bytes())
    return total.hexdigest()


def check(stamp: Path, root: Path, torch: Optional[str],
          tests: bool) -> Optional[str]:
    """Tell whether nothing is left to do.

    Returns:
        str, optional: The versions in one line, None if something is left.
    """
    try:
        state = json.loads(stamp.read_text('utf-8'))
    except (OSError, ValueError):
        return None
    if (state.get('digest') != digest(root) or state.get('root') != str(root)
            or tests and not state.get('tests')
            or state.get('torch') != version('torch')
            or torch and torch.split('+')[0] != state['torch'].split('+')[0]
            or version('semipose_mm') is None):
        return None
    expected = read(root, 'mminstall') + runtime(root, tests)
    if not all(satisfied(requirement) for requirement in expected):
        return None
    names = ('torch', 'mmengine', 'mmcv', 'mmdet', 'mmpose')
    return ', '.join(f'{name} {version(name)}' for name in names)


def forget_incomplete(folders: Iterable[str]) -> List[str]:
    """Remove the metadata of packages whose installation was interrupted.

    pip takes them for installed, though files are missing. The installer
    writes its name when all the others are there.

    Args:
        folders (Iterable[str]): Where packages are installed.

    Returns:
        List[str]: Their requirements, 'name==version'.
    """
    incomplete = []
    for folder in sorted(set(folders)):
        for path in sorted(Path(folder).glob('*.dist-info')):
            if (path / 'WHEEL').exists() and not (path / 'INSTALLER').exists():
                name, release = path.stem.split('-')
                incomplete.append(f'{name}=={release}')
                shutil.rmtree(path)
    return incomplete


def main() -> None:
    """Answer one question of ``tools/install.sh``."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('question')
    parser.add_argument('words', nargs='*')
    parser.add_argument('--torch')
    parser.add_argument('--tests', action='store_true')
    args = parser.parse_args()
    question, words = args.question, args.words
    if question == 'version':
        print(version(words[0]) or '')
    elif question == 'pin':
        print(pins(Path(words[1]))[words[0]])
    elif question == 'has':
        sys.exit(0 if all(satisfied(word) for word in words) else 1)
    elif question == 'incomplete':
        paths = sysconfig.get_paths()
        found = forget_incomplete([paths['purelib'], paths['platlib']])
        print('\n'.join(found))
    elif question == 'runtime':
        print('\n'.join(runtime(Path(words[0]), args.tests)))
    elif question == 'check':
        found = check(Path(words[0]), Path(words[1]), args.torch, args.tests)
        if found is None:
            sys.exit(1)
        print(found)
    elif question == 'stamp':
        root = Path(words[1])
        state = dict(
            digest=digest(root),
            root=str(root),
            torch=version('torch'),
            tests=args.tests)
        Path(words[0]).write_text(json.dumps(state) + '\n', 'utf-8')
    else:
        parser.error(f'unknown question {question}')


if __name__ == '__main__':
    main()
