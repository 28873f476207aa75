# shellcheck shell=bash
# Copyright (c) semipose_mm authors.
# What the job scripts beside share; docs/cluster.md explains it. To be
# sourced by them with their arguments.

REPO=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P) || exit 1
if [ -z "${VIRTUAL_ENV:-}${CONDA_PREFIX:-}" ] \
    && [ -f "$REPO/.venv/bin/activate" ]; then
    # shellcheck source=/dev/null
    source "$REPO/.venv/bin/activate"
fi
# shellcheck source=tools/misc/launch.sh
source "$REPO/tools/misc/launch.sh"
# those of a step in which sbatch was called are not this job's
unset "${!SLURM_STEP@}"

if [ $# -lt 2 ]; then
    echo "usage: sbatch ${SLURM_JOB_NAME:-JOB}.sbatch CONFIG WORK_DIR" \
        "[options of tools/train.py]" >&2
    exit 2
fi
# shellcheck disable=SC2034
CONFIG=$1 WORK_DIR=$2
shift 2

# an array's tasks have the array's number in common
JOB=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
JOB=${JOB:-$SLURM_JOB_ID}

# finish STATUS: requeues a training that has stopped before the time limit
finish() {
    if [ "$1" = 0 ] && [ "$PASSED" = USR1 ] && [ "${REQUEUE:-1}" != 0 ]; then
        echo "job $JOB stopped before its time limit and is requeued"
        scontrol requeue "$JOB"
        return
    fi
    return "$1"
}
