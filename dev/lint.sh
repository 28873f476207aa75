#!/usr/bin/env bash
# Copyright (c) semipose_mm authors.
# Runs the style check of .pre-commit-config.yaml on all files, or on those
# named: bash dev/lint.sh [FILE ...]. It mends what it can; what it mended
# counts as a fault. Files that git does not know yet are checked, too.

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P) || exit 1
PY=$(bash "$ROOT/tools/install.sh" --print-python) || exit 1
if ! "$PY" -c 'import pre_commit' 2>/dev/null; then
    echo 'lint.sh: the tools are missing: bash tools/install.sh --tests' >&2
    exit 1
fi
if [ $# -gt 0 ]; then
    FILES=()
    for file in "$@"; do FILES+=("$(realpath -- "$file")"); done
elif git -C "$ROOT" rev-parse --git-dir >/dev/null 2>&1; then
    mapfile -t FILES < <(
        cd "$ROOT" && git ls-files --cached --others --exclude-standard \
            --deduplicate | while read -r file; do [ -f "$file" ] && echo "$file"; done
    )
else
    echo "lint.sh: skipped, $ROOT is not a git checkout" >&2
    exit 0
fi
cd "$ROOT" || exit 1
PATH=$(dirname -- "$PY"):$PATH exec "$PY" -m pre_commit run \
    ${CI:+--show-diff-on-failure} --color never --files "${FILES[@]}"
