#!/usr/bin/env bash
# Copyright (c) semipose_mm authors.
# Installs what is missing, then trains supervised, by PoseDual and by
# labels_then_ema on the same few labels: bash tools/quickstart.sh --help

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P) || exit 1
bash "$ROOT/tools/install.sh" || exit 1
PY=$(bash "$ROOT/tools/install.sh" --print-python) || exit 1
exec "$PY" "$ROOT/tools/quickstart.py" "$@"
