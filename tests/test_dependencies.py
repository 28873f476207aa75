# Copyright (c) semipose_mm authors.
"""Tests of the version check and of its agreement with the pins."""
import sys
from pathlib import Path
from types import ModuleType

import pytest

from semipose_mm.dependencies import (SUPPORTED, check_dependencies,
                                      find_version, has_ops, parse_release)

ROOT = Path(__file__).resolve().parents[1]
PINNED = dict(
    torch='2.5.1+cu124',
    numpy='1.26.4',
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


def test_pinned_versions_pass(recwarn):
    check_dependencies(fake(), lambda: True)
    assert not recwarn


@pytest.mark.parametrize('package, version, expected', [
    ('mmcv', '2.2.0', 'mmcv is 2.2.0, tested are >=2.0.1,<2.2 (mmdet 3.x'),
    ('mmengine', '0.11.0rc0', 'mmengine is 0.11.0rc0'),
    ('torch', '2.3.1', 'torch is 2.3.1, tested are >=2.4'),
    ('setuptools', '84.2.1', 'pkg_resources'),
])
def test_untested_version_is_a_warning(package, version, expected):
    with pytest.warns(UserWarning) as caught:
        check_dependencies(fake(**{package: version}), lambda: True)
    [message] = [str(warning.message) for warning in caught]
    assert expected in message and 'tools/install.sh' in message
    assert '; ' not in message


def test_new_minor_of_torch_is_not_compared_as_text(recwarn):
    check_dependencies(fake(torch='2.14.1+cu130'), lambda: True)
    assert not recwarn


def test_missing_packages_and_all_faults_in_one_error():
    with pytest.raises(ImportError) as caught:
        check_dependencies(fake(mmcv=None, mmpose='0.29.0'), lambda: False)
    assert 'mmcv is not installed, semipose_mm needs mmcv>=2.0.1,<2.2' in str(
        caught.value)
    assert 'mmpose is 0.29.0' in str(caught.value)


def test_mmcv_without_ops_is_missing():
    with pytest.raises(ImportError, match='mmcv 2.1.0 has no ops.*mmcv_ext'):
        check_dependencies(fake(), lambda: False)


def test_ops_are_found_without_importing(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    assert not has_ops('lite_of_the_test')
    package = tmp_path / 'lite_of_the_test'
    package.mkdir()
    (package / '__init__.py').write_text('raise RuntimeError\n')
    assert not has_ops(package.name)
    for name in ('_ext.py', '_ext.cpython-311-x86_64-linux-gnu.so'):
        (package / name).touch()
        assert has_ops(package.name)
        (package / name).unlink()


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
    for name in ('mminstall', 'oldest'):
        text = (ROOT / f'requirements/{name}.txt').read_text()
        pins.update(
            line.split('==') for line in text.splitlines() if '==' in line)
    pins['mmcv'] = pins['mmcv-lite']
    assert set(SUPPORTED) - set(pins) == {'setuptools'}
    for package in set(SUPPORTED) & set(pins):
        assert pins[package] in SUPPORTED[package], package
