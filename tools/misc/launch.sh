# shellcheck shell=bash
# Copyright (c) semipose_mm authors.
# What dist_*.sh, slurm_*.sh and slurm/job.sh share. To be sourced.

TOOLS=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P) || exit 1
PYTHON=${PYTHON:-python}
# beside it in a checkout, above it where pip installs
for MASTER in "$TOOLS"/../{semipose_mm,..}/launch/slurm_master.py; do
    [ ! -f "$MASTER" ] || break
done
PYTHONPATH=$(dirname -- "$TOOLS")${PYTHONPATH:+:$PYTHONPATH}
export PYTHONPATH

# check_arguments NUMBER USAGE ARGS...: ends if there are fewer, or by --help
check_arguments() {
    local number=$1 usage="usage: bash $0 $2"
    shift 2
    case ${1:-} in
        -h | --help) echo "$usage" && exit ;;
    esac
    [ $# -ge "$number" ] || {
        echo "$usage" >&2
        exit 2
    }
}

# run_passing PASS COMMAND...: the command's status. When SIGUSR1 or SIGTERM
# comes, PASS is called with the signal's name and the command's process, and
# PASSED becomes the name.
run_passing() {
    local pass=$1 child='' again=1 status=1
    shift
    PASSED=
    trap 'again=1; PASSED=${PASSED:-USR1}; "$pass" USR1 "$child"' USR1
    trap 'again=1; PASSED=TERM; "$pass" TERM "$child"' TERM
    # Ctrl-C reaches the command by itself; its end is awaited
    trap 'again=1' INT
    # SIGUSR1 would end torchrun, and Python before it listens
    (
        trap '' USR1
        exec "$@"
    ) &
    child=$!
    # a trap ends the waiting
    while [ -n "$again" ]; do
        again=
        wait "$child"
        status=$?
    done
    trap - USR1 TERM INT
    return "$status"
}

# torchrun would end its ranks, which stop well by themselves
pass_to_ranks() {
    local ranks
    read -ra ranks -d '' < <(cat "/proc/$2/task"/*/children 2>/dev/null)
    [ ${#ranks[@]} -eq 0 ] || kill "-$1" "${ranks[@]}"
}

# srun passes SIGUSR1 to all processes of the step, SIGTERM would kill them
pass_to_step() {
    kill -USR1 "$2"
}

# an interactive step is no more than the shell of an allocation
within_step() {
    case ${SLURM_STEP_ID:-} in
        '' | 429496729?) return 1 ;;
    esac
}

# launch_distributed GPUS SCRIPT ARGS...
launch_distributed() {
    local gpus=$1 nodes=1 rank=0 tasks=1 address port launcher
    if within_step; then
        nodes=${SLURM_STEP_NUM_NODES:-1}
        tasks=${SLURM_STEP_NUM_TASKS:-$nodes}
        rank=${SLURM_NODEID:-0}
        if [ "$tasks" -gt "$nodes" ]; then
            echo "error: torchrun starts once a node, but this step has" \
                "$tasks tasks on $nodes nodes: use srun" \
                "--ntasks-per-node=1, or --launcher slurm" >&2
            return 2
        fi
    elif [ "${SLURM_JOB_NUM_NODES:-1}" -gt 1 ] \
        && [ -z "${NNODES:-}${NODE_RANK:-}" ]; then
        launch_on_nodes "$@"
        return
    fi
    shift
    address=$("$PYTHON" "$MASTER") || return
    read -r address port <<<"$address"
    if command -v torchrun >/dev/null 2>&1; then
        launcher=(torchrun)
    elif "$PYTHON" -c 'import torch.distributed.run' 2>/dev/null; then
        launcher=("$PYTHON" -m torch.distributed.run)
    else
        launcher=("$PYTHON" -m torch.distributed.launch)
    fi
    run_passing pass_to_ranks "${launcher[@]}" \
        --nnodes="${NNODES:-$nodes}" \
        --node_rank="${NODE_RANK:-$rank}" \
        --master_addr="$address" \
        --nproc_per_node="$gpus" \
        --master_port="$port" \
        "$@"
}

# launch_on_nodes GPUS SCRIPT ARGS...: on all nodes of the job, one task each
launch_on_nodes() {
    # the variables of a job with one task a GPU would leave it a part
    # shellcheck disable=SC2016
    run_passing pass_to_step env -u SLURM_CPUS_PER_TASK \
        -u SLURM_GPUS_PER_TASK -u SLURM_NTASKS_PER_NODE \
        srun --nodes="$SLURM_JOB_NUM_NODES" \
        --ntasks="$SLURM_JOB_NUM_NODES" \
        --ntasks-per-node=1 \
        --cpu-bind=none \
        --kill-on-bad-exit=1 \
        bash -c 'source "$0" && launch_distributed "$@"' \
        "$TOOLS/misc/launch.sh" "$@"
}

# launch_tasks SRUN_OPTION... -- SCRIPT ARGS...: one task a GPU
launch_tasks() {
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    # shellcheck disable=SC2016
    run_passing pass_to_step srun --kill-on-bad-exit=1 "${options[@]}" \
        bash -c 'trap "" USR1; exec "$@"' task "$PYTHON" -u "$@"
}

# launch_slurm PARTITION JOB_NAME SCRIPT ARGS...
launch_slurm() {
    local partition=$1 name=$2 gpus=${GPUS:-8} extra
    local per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
    local gres=${GRES-gpu:$per_node}
    shift 2
    read -ra extra <<<"${SRUN_ARGS:-}"
    if [ -n "${SLURM_JOB_ID:-}" ]; then
        echo "within job $SLURM_JOB_ID: it has to hold $gpus GPUs that no" \
            "other step uses, else this waits; see docs/cluster.md" >&2
    fi
    set -x
    launch_tasks --partition="$partition" \
        --job-name="$name" \
        ${gres:+"--gres=$gres"} \
        --ntasks="$gpus" \
        --ntasks-per-node="$per_node" \
        --cpus-per-task="${CPUS_PER_TASK:-5}" \
        "${extra[@]}" -- "$@"
}
