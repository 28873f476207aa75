#!/usr/bin/env bash
# Copyright (c) semipose_mm authors.
# Trains on a SLURM cluster, one task a GPU:
#   bash tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR \
#       [options of tools/train.py]
# GPUS (8), GPUS_PER_NODE (8 or GPUS), CPUS_PER_TASK (5), SRUN_ARGS (account,
# qos, time, ...) and GRES (gpu:GPUS_PER_NODE; empty on nodes without GPUs) are
# read from the environment. docs/cluster.md has job scripts that go on after
# the time limit.

# shellcheck source=tools/misc/launch.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/misc/launch.sh"
check_arguments 4 'PARTITION JOB_NAME CONFIG WORK_DIR [options of tools/train.py]' \
    "$@"
PARTITION=$1
JOB_NAME=$2
CONFIG=$3
WORK_DIR=$4
shift 4
launch_slurm "$PARTITION" "$JOB_NAME" "$TOOLS/train.py" "$CONFIG" \
    --work-dir="$WORK_DIR" --launcher=slurm "$@"
