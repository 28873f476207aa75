#!/usr/bin/env bash
# Copyright (c) semipose_mm authors.
# Installs what is missing, checks the style and runs the tests; arguments go
# to pytest: bash tools/run_tests.sh -m 'not slow' adds those that take half a
# minute and more, -m slow has those of minutes. SEMIPOSE_TEST_PROCESSES sets
# how many tests run at a time, 2 by default.

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P) || exit 1
cd "$ROOT" || exit 1
bash tools/install.sh --tests || exit 1
PY=$(bash tools/install.sh --print-python) || exit 1
unset PYTHON # the launchers would take it for the environment's
bash dev/lint.sh
STYLE=$?

# one thread: the tensors are tiny, and some tests start processes. The tests
# of a file stay together, as they share trainings
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} MKL_NUM_THREADS=${MKL_NUM_THREADS:-1}
export MPLBACKEND=Agg
PATH=$(dirname -- "$PY"):$PATH "$PY" -m pytest -n "${SEMIPOSE_TEST_PROCESSES:-2}" \
    --dist loadfile "$@"
TESTS=$?
if [ $STYLE -ne 0 ]; then
    echo 'run_tests.sh: the style check failed, see above (bash dev/lint.sh)' >&2
    exit 1
fi
exit $TESTS
