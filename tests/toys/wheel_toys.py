# Copyright (c) semipose_mm authors.
"""A copy of the checkout, pip, and an environment for what it installs."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ITEMS = ('LICENSE', 'MANIFEST.in', 'README.md', 'configs', 'docs',
         'model-index.yml', 'packages', 'projects', 'pyproject.toml',
         'requirements', 'semipose_mm', 'setup.cfg', 'setup.py', 'tools')


def copy_checkout(folder):
    """Copy what an installation reads."""
    folder.mkdir()
    unwanted = shutil.ignore_patterns('__pycache__', '.mim', '*.egg-info')
    for item in ITEMS:
        source = ROOT / item
        if source.is_dir():
            shutil.copytree(source, folder / item, ignore=unwanted)
        elif source.is_file():
            shutil.copy2(source, folder / item)
    return folder


def list_files(folder):
    """List what lies in a folder."""
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob('*')
        if '__pycache__' not in path.parts)


def run(*command, **kwargs):
    """Run a command that has to succeed."""
    done = subprocess.run(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **kwargs)
    assert done.returncode == 0, done.stdout[-8000:]
    return done.stdout


def pip_install(*args):
    """Install without looking at any index."""
    run(sys.executable, '-m', 'pip', 'install', '--no-deps',
        '--no-build-isolation', '--no-index', '--disable-pip-version-check',
        *args)


def make_environment(folder):
    """Make an environment that sees this one's packages, without ours.

    An editable installation here is a .pth file or a finder that a .pth file
    starts: neither is read in a folder that itself comes from a .pth file.

    Returns:
        tuple[Path, Path]: Its interpreter, and its folder of packages.
    """
    run(sys.executable, '-m', 'venv', '--without-pip', folder)
    site = next((folder / 'lib').glob('python*/site-packages'))
    outer = [p for p in sys.path if Path(p).name.endswith('-packages')]
    # before the others, which need what it leads to
    (site / '0_outer.pth').write_text('\n'.join(outer) + '\n')
    for path in (path for p in outer for path in Path(p).glob('*.pth')):
        if 'semipose' not in path.name:
            shutil.copy2(path, site / path.name)
    return folder / 'bin' / 'python', site


def clean_variables(**given):
    """Environment variables without what leads to this checkout."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(('SEMIPOSE_', 'SLURM', 'PYTEST', 'PYTHONPATH',
                                'VIRTUAL_ENV', 'CONDA'))
    }
    return {
        **kept, 'PATH': '/usr/local/bin:/usr/bin:/bin',
        'OMP_NUM_THREADS': '1',
        'MPLBACKEND': 'Agg',
        'CUDA_VISIBLE_DEVICES': '',
        **given
    }
