# Copyright (c) semipose_mm authors.
"""Tests of how the threads of commands wait."""
import os

import pytest

from semipose_mm.cli.dispatch import WAITING, main


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
    for name in WAITING:
        # what is set goes away with the test
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        main([])
    assert {
        name: os.environ[name]
        for name in WAITING if name in os.environ
    } == expected
