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
from typing import Iterable, List, Optional

ROOT = Path(__file__).resolve().parents[2]
CV2 = ('opencv-python-headless', 'opencv-python', 'opencv-contrib-python',
       'opencv-contrib-python-headless')
OPS = 'mmcv-ext-torchvision'
#: Makes what ends in a label, such as 2.11.0+cpu, where PyTorch has an index.
BACKEND = r'cpu|cu\d+|rocm[\d.]+|xpu'


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


def satisfied(requirement: str) -> bool:
    """Tell whether a requirement such as 'six' or 'yapf>=0.4,<1' is met."""
    name, rest = re.match(r'([\w.-]+)(.*)', requirement).groups()
    found = version(name)
    if found is None:
        return False
    parse = load_dependencies().parse_release
    for operator, bound in re.findall(r'([=<>]+)([\w.]+)', rest):
        fits = {
            '==': found.split('+')[0] == bound,
            '>=': parse(found) >= parse(bound),
            '<': parse(found) < parse(bound)
        }
        if not fits[operator]:
            return False
    return True


def has_full_mmcv() -> bool:
    """Tell whether a compiled mmcv is there, of a version that fits."""
    dependencies = load_dependencies()
    found = version('mmcv')
    return found is not None and found in dependencies.SUPPORTED['mmcv'] and \
        dependencies.has_ops()


def has_ops_of(source: Path) -> bool:
    """Tell whether the ops that are installed are those of a folder."""
    if version(OPS) is None:
        return False
    installed = metadata.distribution(OPS).locate_file('mmcv/_ext.py')
    return Path(installed).read_bytes() == Path(source,
                                                'mmcv/_ext.py').read_bytes()


def xtcocotools(root: Path) -> List[str]:
    """Name xtcocotools unless it runs: pure, or compiled for this numpy."""
    [wanted] = [
        line for line in read(root, 'mminstall')
        if line.startswith('xtcocotools')
    ]
    runs = (version('xtcocotools') or '').endswith('+pycocotools') or \
        (version('numpy') or '').startswith('1.')
    return [] if satisfied(wanted) and runs else [wanted]


def openmmlab(root: Path) -> List[str]:
    """Name what is installed without dependencies, and is not there yet."""
    wanted = read(root, 'mminstall')
    if has_full_mmcv():
        wanted = [line for line in wanted if not line.startswith('mmcv')]
    elif not has_ops_of(root / 'packages/mmcv_ext'):
        wanted.append(str(root / 'packages/mmcv_ext'))
    return [
        line for line in wanted if line.startswith('/')
        or not line.startswith('xtcocotools') and not satisfied(line)
    ]


def runtime(root: Path, tests: bool) -> List[str]:
    """Name what pip has to install, keeping an OpenCV 4 that is there.

    All builds of OpenCV share one folder, so a second one is not added.
    """
    lines = read(root, 'runtime', *(('tests', 'lint') if tests else ()))
    others = [version(name) for name in CV2[1:]]
    if any(other and other.startswith('4.') for other in others):
        lines = [line for line in lines if not line.startswith(CV2[0])]
    return sorted(set(lines))


def wanted_torch(root: Path, torch: Optional[str], cpu: bool) -> List[str]:
    """Name torch and torchvision: asked for, there already, or the newest."""
    lines = read(root, 'torch')
    if torch:
        lines[0] = f'torch=={torch}'
    elif satisfied(lines[0]) and not (cpu and not is_cpu('torch')):
        lines[0] = f'torch=={version("torch")}'
    return lines


def label(package: str) -> str:
    """Tell how a package of PyTorch was built: 'cpu', 'cu124', '' on PyPI."""
    found = re.fullmatch(rf'[^+]+\+({BACKEND})', version(package) or '')
    return found.group(1) if found else ''


def is_cpu(package: str) -> bool:
    """Tell whether a package of PyTorch is a build without CUDA."""
    return label(package) == 'cpu'


def backend(cpu: bool, torch: Optional[str]) -> str:
    """Tell from which of PyTorch's indexes the pair has to come, '' if none.

    A torch from there does not run with the torchvision of PyPI.
    """
    if cpu:
        fits = is_cpu('torch') and is_cpu('torchvision')
        return '' if fits and not torch else 'cpu'
    kept = '' if torch else label('torch')
    return kept if kept and label('torchvision') != kept else ''


def other_builds(cpu: bool, torch: Optional[str]) -> List[str]:
    """Name what is there of the pair, but not of the build that is wanted."""
    wanted = backend(cpu, torch)
    return [
        name for name in ('torch', 'torchvision')
        if wanted and version(name) and label(name) != wanted
    ]


def digest(root: Path) -> str:
    """Hash what says which packages there should be."""
    total = hashlib.sha256()
    for file in sorted((root / 'requirements').glob('*.txt')):
        total.update(file.name.encode() + file.read_bytes())
    total.update((root / 'semipose_mm/dependencies.py').read_bytes())
    return total.hexdigest()


def check(stamp: Path, root: Path, torch: Optional[str], cpu: bool,
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
            or cpu and not is_cpu('torch') or version('semipose_mm') is None
            or openmmlab(root) or xtcocotools(root)
            or not all(map(satisfied, runtime(root, tests)))):
        return None
    names = ('torch', 'torchvision', 'mmengine', 'mmdet', 'mmpose')
    return ', '.join(f'{name} {version(name)}' for name in names)


def forget_incomplete(folders: Iterable[str]) -> List[str]:
    """Remove the metadata of packages whose installation was interrupted.

    pip takes them for installed, though files are missing. The installer
    writes its name when all the others are there.

    Args:
        folders (Iterable[str]): Where packages are installed.

    Returns:
        List[str]: What they were, 'name version'.
    """
    incomplete = []
    for folder in sorted(set(folders)):
        for path in sorted(Path(folder).glob('*.dist-info')):
            # a system's packages may lack the installer's name, and WHEEL
            begun = (path / 'WHEEL').exists() or \
                not (path / 'METADATA').exists()
            if begun and not (path / 'INSTALLER').exists():
                incomplete.append(path.stem.replace('-', ' '))
                shutil.rmtree(path)
    return incomplete


def main() -> None:
    """Answer one question of ``tools/install.sh``."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('question')
    parser.add_argument('--stamp', type=Path)
    parser.add_argument('--torch')
    parser.add_argument('--cpu', action='store_true')
    parser.add_argument('--tests', action='store_true')
    args = parser.parse_args()
    if args.question == 'incomplete':
        paths = sysconfig.get_paths()
        lines = forget_incomplete([paths['purelib'], paths['platlib']])
    elif args.question == 'wanted':
        lines = wanted_torch(ROOT, args.torch, args.cpu) + runtime(
            ROOT, args.tests)
    elif args.question == 'backend':
        lines = [backend(args.cpu, args.torch)]
    elif args.question == 'other-builds':
        lines = other_builds(args.cpu, args.torch)
    elif args.question == 'openmmlab':
        lines = openmmlab(ROOT)
    elif args.question == 'refused':
        # a compiled mmcv that does not fit is in mmcv-lite's way
        lines = ['mmcv'] if version('mmcv') and not has_full_mmcv() else []
    elif args.question == 'xtcocotools':
        lines = xtcocotools(ROOT)
    elif args.question == 'check':
        found = check(args.stamp, ROOT, args.torch, args.cpu, args.tests)
        if found is None:
            sys.exit(1)
        lines = [found]
    elif args.question == 'stamp':
        state = dict(
            digest=digest(ROOT),
            root=str(ROOT),
            torch=version('torch'),
            tests=args.tests)
        args.stamp.write_text(json.dumps(state) + '\n', 'utf-8')
        lines = []
    else:
        parser.error(f'unknown question {args.question}')
    for line in lines:
        print(line)


if __name__ == '__main__':
    main()
