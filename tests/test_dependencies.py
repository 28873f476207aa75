# Copyright (c) semipose_mm authors.
"""Tests of the version check and of its agreement with the pins."""
import sys
from pathlib import Path
from types import ModuleType

import pytest

from semipose_mm.dependencies import (SUPPORTED, check_dependencies,
                                      find_version, parse_release)

ROOT = Path(__file__).resolve().parents[1]
PINNED = dict(
    torch='2.5.1+cu124',
    mmengine='0.10.7',
    mmcv='2.1.0',
    mmdet='3.3.0',
    mmpose='1.3.2',
    setuptools='80.9.0')


def fake(**changes):
    """Make a lookup of versions."""
    return dict(PINNED, **changes).get


@pytest.mark.parametrize('version, release', [
    ('2.5.1+cu124', (2, 5, 1)),
    ('2.14.1', (2, 14, 1)),
    ('0.11.0rc0', (0, 11, 0)),
    ('82', (82, 0, 0)),
    ('unknown', (0, 0, 0)),
])
def test_parse_release(version, release):
    assert parse_release(version) == release


def test_pinned_versions_pass():
    check_dependencies(fake())


@pytest.mark.parametrize('package, version, expected', [
    ('mmcv', '2.2.0', 'mmcv is 2.2.0, semipose_mm needs mmcv>=2.0.1,<2.2'),
    ('mmengine', '0.11.0rc0', 'mmengine is 0.11.0rc0'),
    ('torch', '2.3.1', 'torch is 2.3.1, semipose_mm needs torch>=2.4'),
    ('mmdet', None, 'mmdet is not installed, semipose_mm needs mmdet>='),
    ('setuptools', '84.2.1', 'pkg_resources'),
])
def test_error_names_package_version_and_range(package, version, expected):
    with pytest.raises(ImportError) as caught:
        check_dependencies(fake(**{package: version}))
    assert expected in str(caught.value)
    assert '; ' not in str(caught.value)


def test_new_minor_of_torch_is_not_compared_as_text():
    check_dependencies(fake(torch='2.14.1+cu130'))


def test_all_faults_in_one_error():
    with pytest.raises(ImportError) as caught:
        check_dependencies(fake(mmcv=None, mmpose='0.29.0'))
    assert 'mmcv is not installed' in str(caught.value)
    assert 'mmpose is 0.29.0' in str(caught.value)


def test_mmcv_lite_is_named():
    with pytest.raises(ImportError, match='mmcv-lite has no ops'):
        check_dependencies(fake(mmcv=None, **{'mmcv-lite': '2.1.0'}))


def test_find_version(tmp_path, monkeypatch):
    assert find_version('no_such_package_at_all') is None
    (tmp_path / 'from_checkout').mkdir()
    (tmp_path / 'from_checkout/__init__.py').touch()
    (tmp_path /
     'from_checkout/version.py').write_text("__version__ = '1.2.3'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_version('from_checkout') == '1.2.3'
    assert 'from_checkout' not in sys.modules
    loaded = ModuleType('from_checkout')
    loaded.__version__ = '4.5.6'
    monkeypatch.setitem(sys.modules, 'from_checkout', loaded)
    assert find_version('from_checkout') == '4.5.6'


def test_pins_are_within_the_ranges():
    pins = {}
    for name in ('torch', 'mminstall'):
        text = (ROOT / f'requirements/{name}.txt').read_text()
        pins.update(
            line.split('==') for line in text.splitlines() if '==' in line)
    assert set(SUPPORTED) - set(pins) == {'setuptools'}
    for package in set(SUPPORTED) & set(pins):
        assert pins[package] in SUPPORTED[package], package
