# Copyright (c) semipose_mm authors.
"""Installation of the plugin alone: it pulls in no OpenMMLab package and no
torch, ``tools/install.sh`` is for those."""
import atexit
import os
import re
import shutil
import sys
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.develop import develop

ROOT = Path(__file__).resolve().parent
# What pip installs as `semipose_mm/.mim`, which stands for the checkout: tools
# find everything below it, and MIM configs, tools and model index.
SHIPPED = ('README.md', 'configs', 'docs', 'model-index.yml',
           'projects/synthetic_people', 'tools')
# What of it is for development, or needs a whole checkout.
CHECKOUT_ONLY = ('*.py[cod]', 'docs/results.json',
                 'projects/synthetic_people/configs/*',
                 'projects/synthetic_people/train_detector.py',
                 'tools/install.sh', 'tools/misc/*.py', 'tools/quickstart.sh',
                 'tools/run_tests.sh')


def read_version():
    """Read the version without importing the package."""
    text = (ROOT / 'semipose_mm/version.py').read_text(encoding='utf-8')
    return re.search(r"^__version__ = '(.+)'", text, re.MULTILINE).group(1)


def read_requirements(name):
    """Read the requirements of ``requirements/<name>.txt``."""
    text = (ROOT / 'requirements' / f'{name}.txt').read_text(encoding='utf-8')
    lines = (line.split('#')[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def copy_mim(folder):
    """Copy what is shipped, as a wheel needs it."""
    shutil.rmtree(folder, ignore_errors=True)
    for item in SHIPPED:
        source = ROOT / item
        for path in source.rglob('*') if source.is_dir() else [source]:
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and not any(
                    fnmatchcase(name, pattern) for pattern in CHECKOUT_ONLY):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, folder / name)


def link_mim(folder):
    """Link to the same in a checkout, whole folders of it."""
    folder.mkdir(exist_ok=True)
    for item in {item.split('/')[0] for item in SHIPPED}:
        link = folder / item
        if link.is_symlink() or link.is_file():
            link.unlink()
        elif link.is_dir():
            shutil.rmtree(link)
        if (ROOT / item).exists():
            link.symlink_to(os.path.join('..', '..', item))


class BuildWithMim(build_py):
    """Adds ``semipose_mm/.mim``, where MMPose's tools look for configs."""

    def run(self):
        super().run()
        if getattr(self, 'editable_mode', False):
            link_mim(ROOT / 'semipose_mm/.mim')
        else:
            copy_mim(Path(self.build_lib) / 'semipose_mm/.mim')


class DevelopWithMim(develop):
    """The same for the older kind of editable installation."""

    def run(self):
        link_mim(ROOT / 'semipose_mm/.mim')
        super().run()


def keep_checkout_clean():
    """Build outside of the checkout, where no stale file can slip in."""
    if {'develop', 'sdist'} & set(sys.argv):
        return {}
    folder = tempfile.mkdtemp(prefix='semipose_mm-build-')
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return dict(build=dict(build_base=folder), egg_info=dict(egg_base=folder))


if __name__ == '__main__':
    readme = ROOT / 'README.md'
    setup(
        name='semipose_mm',
        version=read_version(),
        description='Semi-supervised 2D pose estimation for MMPose',
        long_description=readme.read_text(
            encoding='utf-8') if readme.is_file() else '',
        long_description_content_type='text/markdown',
        author='semipose_mm authors',
        keywords='pose estimation, semi-supervised learning, mmpose',
        license='Apache-2.0',
        packages=find_packages(include=('semipose_mm', 'semipose_mm.*')),
        python_requires='>=3.10',
        install_requires=['numpy'],
        entry_points=dict(
            console_scripts=['semipose = semipose_mm.cli:script']),
        extras_require={
            name: read_requirements(name)
            for name in ('hotcoco', 'huggingface', 'labels', 'onnx',
                         'mmpretrain', 'tables', 'tensorboard', 'tests',
                         'timm')
        },
        classifiers=[
            'Development Status :: 4 - Beta',
            'Operating System :: POSIX :: Linux',
            'Programming Language :: Python :: 3',
            'Programming Language :: Python :: 3.10',
            'Programming Language :: Python :: 3.11',
            'Programming Language :: Python :: 3.12',
            'Programming Language :: Python :: 3.13',
        ],
        cmdclass=dict(build_py=BuildWithMim, develop=DevelopWithMim),
        options=keep_checkout_clean(),
        zip_safe=False)
