# shellcheck shell=bash
# Copyright (c) semipose_mm authors.
# What dist_*.sh and slurm_*.sh share. To be sourced.

TOOLS=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P) || exit 1
PYTHON=${PYTHON:-python}
PYTHONPATH=$(dirname -- "$TOOLS")${PYTHONPATH:+:$PYTHONPATH}
export PYTHONPATH

usage_error() {
    echo "usage: bash $0 $1" >&2
    exit 2
}

# the same on every machine of a job, and another for the job beside it
default_port() {
    echo $((SLURM_JOB_ID > 0 ? 15000 + SLURM_JOB_ID % 15000 : 29500))
}

# launch_distributed GPUS SCRIPT ARGS...
launch_distributed() {
    local gpus=$1 nodes=${SLURM_STEP_NUM_NODES:-1} rank=0 address=127.0.0.1
    local launcher
    shift
    if [ "$nodes" -gt 1 ]; then
        rank=${SLURM_NODEID:-0}
        address=$(scontrol show hostnames "$SLURM_STEP_NODELIST" | head -n 1)
    fi
    if command -v torchrun >/dev/null 2>&1; then
        launcher=(torchrun)
    elif "$PYTHON" -c 'import torch.distributed.run' 2>/dev/null; then
        launcher=("$PYTHON" -m torch.distributed.run)
    else
        launcher=("$PYTHON" -m torch.distributed.launch)
    fi
    "${launcher[@]}" \
        --nnodes="${NNODES:-$nodes}" \
        --node_rank="${NODE_RANK:-$rank}" \
        --master_addr="${MASTER_ADDR:-$address}" \
        --nproc_per_node="$gpus" \
        --master_port="${PORT:-${MASTER_PORT:-$(default_port)}}" \
        "$@"
}

# launch_slurm PARTITION JOB_NAME SCRIPT ARGS...
launch_slurm() {
    local partition=$1 name=$2 gpus=${GPUS:-8} extra
    local per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
    shift 2
    read -ra extra <<<"${SRUN_ARGS:-}"
    if [ -n "${SLURM_JOB_ID:-}" ]; then
        echo "within job $SLURM_JOB_ID: it has to hold $gpus GPUs that no" \
            "other step uses, else this waits; see slurm_train.sbatch" >&2
    fi
    # the port is chosen in the task, where the job's number is known
    # shellcheck disable=SC2016
    (
        set -x
        srun --partition="$partition" \
            --job-name="$name" \
            --gres=gpu:"$per_node" \
            --ntasks="$gpus" \
            --ntasks-per-node="$per_node" \
            --cpus-per-task="${CPUS_PER_TASK:-5}" \
            --kill-on-bad-exit=1 \
            "${extra[@]}" \
            bash -c 'export MASTER_PORT=${MASTER_PORT:-$((15000 + SLURM_JOB_ID % 15000))}; exec "$@"' \
            task "$PYTHON" -u "$@"
    )
}
