# Copyright (c) semipose_mm authors.
"""Tests of how the tools' threads wait."""
import os
from importlib import import_module

import pytest


@pytest.mark.parametrize('given, expected', [
    ({}, {
        'OMP_WAIT_POLICY': 'passive'
    }),
    ({
        'OMP_WAIT_POLICY': 'active'
    }, {
        'OMP_WAIT_POLICY': 'active'
    }),
    ({
        'GOMP_SPINCOUNT': '9'
    }, {
        'GOMP_SPINCOUNT': '9'
    }),
    ({
        'KMP_BLOCKTIME': '1'
    }, {
        'KMP_BLOCKTIME': '1'
    }),
])
def test_users_choice_comes_first(monkeypatch, given, expected):
    options = import_module('semipose_mm.cli.options')
    for name in options.WAITING:
        # what is set goes away with the test
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    options.use_checkout()
    assert {
        name: os.environ[name]
        for name in options.WAITING if name in os.environ
    } == expected
