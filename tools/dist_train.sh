#!/usr/bin/env bash
# Copyright (c) semipose_mm authors.
# Trains on the GPUs of one or several machines:
#   bash tools/dist_train.sh CONFIG GPUS [options of tools/train.py]
# GPUS is the number per machine; NNODES, NODE_RANK, MASTER_ADDR and PORT are
# read from the environment. Within a SLURM job they come from there, and a
# batch script of several nodes needs no srun: docs/cluster.md.

# shellcheck source=tools/misc/launch.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/misc/launch.sh"
check_arguments 2 'CONFIG GPUS [options of tools/train.py]' "$@"
CONFIG=$1
GPUS=$2
shift 2
launch_distributed "$GPUS" "$TOOLS/train.py" "$CONFIG" --launcher pytorch "$@"
