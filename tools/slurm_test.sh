#!/usr/bin/env bash
# Copyright (c) semipose_mm authors.
# Tests on a SLURM cluster, one task a GPU:
#   bash tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT \
#       [options of tools/test.py]
# The environment variables are those of slurm_train.sh.

# shellcheck source=tools/misc/launch.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/misc/launch.sh"
check_arguments 4 'PARTITION JOB_NAME CONFIG CHECKPOINT [options of tools/test.py]' \
    "$@"
PARTITION=$1
JOB_NAME=$2
CONFIG=$3
CHECKPOINT=$4
shift 4
launch_slurm "$PARTITION" "$JOB_NAME" "$TOOLS/test.py" "$CONFIG" \
    "$CHECKPOINT" --launcher=slurm "$@"
