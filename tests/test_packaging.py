# Copyright (c) semipose_mm authors.
"""Tests of what `pip install` puts into an environment."""
import re
import shutil
import sys

import pytest
from wheel_toys import copy_checkout, list_files, pip_install, run


@pytest.fixture(scope='module')
def checkout(tmp_path_factory):
    """Copy the checkout, with one config at least."""
    folder = copy_checkout(tmp_path_factory.mktemp('packaging') / 'repo')
    (folder / 'configs/paper').mkdir(parents=True, exist_ok=True)
    (folder / 'configs/paper/of_the_test.py').write_text('a = 1\n')
    return folder


def test_installed_package(checkout, tmp_path):
    before = list_files(checkout)
    pip_install('--target', str(tmp_path), str(checkout))
    assert list_files(checkout) == before, 'the checkout is not left clean'

    package = tmp_path / 'semipose_mm'
    assert (package / '.mim/configs/paper/of_the_test.py').is_file()
    assert not any(path.is_symlink() for path in package.rglob('*'))
    assert not (tmp_path / 'tests').exists()
    modules = {
        str(path.relative_to(checkout))
        for path in (checkout / 'semipose_mm').rglob('*.py')
    }
    assert modules <= set(list_files(tmp_path))

    metadata = next(tmp_path.glob('semipose_mm-*.dist-info')) / 'METADATA'
    text = metadata.read_text(encoding='utf-8')
    required = [
        re.match(r'Requires-Dist: ([\w-]+)', line).group(1)
        for line in text.splitlines()
        if line.startswith('Requires-Dist') and 'extra ==' not in line
    ]
    assert required == ['numpy']
    extras = set(re.findall(r'^Provides-Extra: (\w+)', text, re.MULTILINE))
    assert extras == {
        'hotcoco', 'huggingface', 'labels', 'onnx', 'mmpretrain', 'tables',
        'tensorboard', 'tests', 'timm'
    }
    assert 'Requires-Python: >=3.10' in text


def test_source_distribution_is_complete(checkout, tmp_path):
    run(sys.executable,
        'setup.py',
        '--quiet',
        'sdist',
        '--dist-dir',
        str(tmp_path),
        cwd=checkout)
    shutil.rmtree(checkout / 'semipose_mm.egg-info', ignore_errors=True)
    archive = next(tmp_path.glob('*.tar.gz'))
    shutil.unpack_archive(archive, tmp_path / 'unpacked')
    unpacked = next((tmp_path / 'unpacked').iterdir())
    assert (unpacked / 'configs/paper/of_the_test.py').is_file()
    assert (unpacked / 'tools/install.sh').is_file()
    assert (unpacked / 'requirements/torch.txt').is_file()
    assert (unpacked / 'docs/cluster.md').is_file()
    assert (unpacked / 'packages/mmcv_ext').is_dir()
    pip_install('--target', str(tmp_path / 'there'), str(unpacked))
    assert (tmp_path /
            'there/semipose_mm/.mim/configs/paper/of_the_test.py').is_file()


def test_editable_links_to_the_checkout(checkout, tmp_path):
    pip_install('--target', str(tmp_path), '--editable', str(checkout))
    mim = checkout / 'semipose_mm/.mim'
    assert (mim / 'configs').is_symlink()
    for item in ('configs', 'docs', 'projects', 'tools'):
        assert (mim / item).resolve() == checkout / item
    new = checkout / 'configs/added_later.py'
    new.write_text('b = 2\n')
    assert (mim / 'configs/added_later.py').is_file()

    # and an ordinary installation after that still copies
    pip_install('--target', str(tmp_path / 'plain'), str(checkout))
    copied = tmp_path / 'plain/semipose_mm/.mim/configs'
    assert (copied / 'added_later.py').is_file()
    assert not copied.is_symlink()
