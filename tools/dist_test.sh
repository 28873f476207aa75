#!/usr/bin/env bash
# Copyright (c) semipose_mm authors.
# Tests on the GPUs of one or several machines:
#   bash tools/dist_test.sh CONFIG CHECKPOINT GPUS [options of tools/test.py]
# The environment variables are those of dist_train.sh.

# shellcheck source=tools/misc/launch.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/misc/launch.sh"
check_arguments 3 'CONFIG CHECKPOINT GPUS [options of tools/test.py]' "$@"
CONFIG=$1
CHECKPOINT=$2
GPUS=$3
shift 3
launch_distributed "$GPUS" "$TOOLS/test.py" "$CONFIG" "$CHECKPOINT" \
    --launcher pytorch "$@"
