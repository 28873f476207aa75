#!/usr/bin/env bash
# Copyright (c) semipose_mm authors.
# Installs semipose_mm with all that it stands on: torch, MMEngine, MMCV with
# ops, MMDetection and MMPose, in the versions of requirements/. Nothing is
# compiled. It may be stopped at any time; run again, it goes on.

usage() {
    cat <<'USAGE'
Usage: bash tools/install.sh [--torch VERSION] [--cpu] [--tests] [--venv DIR]
                             [--print-python] [--help]

Installs into DIR if --venv names one, else into the active virtual or conda
environment, else into .venv in the repository, which it makes.

  --torch VERSION  this torch (2.4 or newer) with the torchvision made for it;
                   without it a torch >= 2.4 that is there is kept
  --cpu            torch and torchvision without CUDA, a fifth of the size,
                   from PyTorch's own package index
  --tests          what the tests and the style check need, too
  --print-python   only tell which Python the environment has

A compiled mmcv that is there and runs is kept. Packages come by uv, which is
fetched for the installation alone unless it is on PATH, or by pip where uv
cannot be had; both take the indexes that pip is configured with.

Environment variables:
  PYTHON   the Python (3.10 to 3.13) to make .venv with
  TMPDIR   where pip unpacks, about 4 GiB; uv unpacks into UV_CACHE_DIR
USAGE
}

say() { printf '%s\n' "install.sh: $*"; }
die() {
    printf '%s\n' "install.sh: error: $*" >&2
    exit 1
}

SECONDS=0
ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P) || exit 1
MISC=$ROOT/tools/misc
RANGE='3.10 to 3.13'
TORCH='' CPU='' TESTS='' VENV='' PRINT=''
unset PYTHONPATH PYTHONHOME PIP_QUIET PIP_TARGET PIP_USER

while [ $# -gt 0 ]; do
    case $1 in
        --torch | --venv)
            [ -n "${2:-}" ] || die "$1 needs a value"
            if [ "$1" = --torch ]; then TORCH=$2; else VENV=$2; fi
            shift
            ;;
        --torch=*) TORCH=${1#*=} ;;
        --venv=*) VENV=${1#*=} ;;
        --cpu) CPU=1 ;;
        --tests) TESTS=1 ;;
        --print-python) PRINT=1 ;;
        -h | --help)
            usage
            exit 0
            ;;
        *) die "unknown option $1, see --help" ;;
    esac
    shift
done
if [ -n "$TORCH" ] && [[ ! $TORCH =~ ^2\.[0-9]+\.[0-9]+(\+[a-z0-9.]+)?$ ]]; then
    die "--torch $TORCH: a full version such as 2.5.1 is needed"
fi
[ "$(uname -s)" = Linux ] || die "$(uname -s) is not supported, only Linux is"
[ -d "$ROOT/requirements" ] || die "$ROOT has no requirements: run this script from a checkout of semipose_mm"

# ---------------------------------------------------------------- Python

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

fits() {
    case $(version_of "$1") in
        3.10 | 3.11 | 3.12 | 3.13) return 0 ;;
    esac
    return 1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        fits "$PYTHON" || die "wrong Python: PYTHON=$PYTHON is $(version_of "$PYTHON" || echo missing), $RANGE is needed"
        FOUND=$PYTHON
        return
    fi
    local name seen='' without_venv=''
    for name in python3 python python3.13 python3.12 python3.11 python3.10; do
        command -v "$name" >/dev/null 2>&1 || continue
        if ! fits "$name"; then
            seen="$seen${seen:+, }$name is $(version_of "$name" || echo broken)"
        elif ! "$name" -c 'import venv, ensurepip' 2>/dev/null; then
            without_venv=$(version_of "$name")
        else
            FOUND=$name
            return
        fi
    done
    [ -z "$without_venv" ] || die "Python $without_venv has no venv module (Debian, Ubuntu: \`apt-get install python$without_venv-venv\`)"
    die "wrong Python: $RANGE is needed, on PATH ${seen:-there is none}; PYTHON=/path/to/python3.12 names one that is elsewhere"
}

if [ -n "$VENV" ]; then
    TARGET=$VENV KIND="--venv"
elif [ -n "${VIRTUAL_ENV:-}" ]; then
    TARGET=$VIRTUAL_ENV KIND="the active environment"
elif [ -n "${CONDA_PREFIX:-}" ] && [ "${CONDA_DEFAULT_ENV:-base}" != base ]; then
    TARGET=$CONDA_PREFIX KIND="the active conda environment"
else
    TARGET=$ROOT/.venv KIND="the environment"
fi
case $TARGET in /*) ;; *) TARGET=$PWD/$TARGET ;; esac
PY=$TARGET/bin/python
if [ -n "$PRINT" ]; then
    printf '%s\n' "$PY"
    exit 0
fi
if [ -e "$PY" ]; then
    fits "$PY" || die "wrong Python: $KIND $TARGET has $(version_of "$PY" || echo a broken one), $RANGE is needed; deactivate or remove it"
elif [ "$TARGET" != "$ROOT/.venv" ] && [ -z "$VENV" ]; then
    die "$KIND $TARGET has no bin/python"
fi

# ------------------------------------------------- is all of it there already

OPTIONS=(--stamp "$TARGET/.semipose_mm" ${TORCH:+--torch "$TORCH"} ${CPU:+--cpu} ${TESTS:+--tests})
state() { "$PY" -I "$MISC/install_state.py" "$@" "${OPTIONS[@]}"; }

if [ -e "$PY" ] && done_already=$(state check); then
    say "everything is installed in $TARGET ($done_already)"
    exit 0
fi

# ------------------------------------------------------------ running steps

# in the environment, where the next run removes what a killed one has left
SCRATCH=$TARGET/.semipose_mm.tmp
LOG=$SCRATCH/log
# without a terminal nothing tells that a download goes on
(
    # an orphaned sleep must not hold the output
    while sleep 20 >/dev/null 2>&1 && kill -0 $$; do
        [ -t 1 ] || printf '%s\n' "  ... still at it, $SECONDS s"
    done
) &
HEART=$!
disown # its end is nothing to report
cleanup() {
    # a subshell that is ended at once has not yet forgotten this trap
    [ "$BASHPID" = $$ ] || return
    kill "$HEART" 2>/dev/null
    rm -rf "$SCRATCH" "$ROOT"/packages/*/build "$ROOT"/packages/*/*.egg-info
}
trap cleanup EXIT
trap 'echo; die "stopped; run it again to go on"' INT TERM

# attempt WHAT COMMAND...: one clear line if it fails
attempt() {
    local what=${1%% (*} code
    shift
    {
        "$@" 2>&1 1>&3 3>&- | tee "$LOG" >&2
        code=${PIPESTATUS[0]}
    } 3>&1
    [ "$code" -eq 0 ] && return
    if grep -q 'No space left on device' "$LOG"; then
        die "no disk: $what did not fit into $TARGET, ${UV_CACHE_DIR:-the cache} or ${TMPDIR:-/tmp}; free some and run it again"
    elif grep -qE 'NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|Network is unreachable|from versions: none|Failed to fetch|error sending request|client error \(Connect\)' "$LOG"; then
        die "no network: ${BACKEND:+the index of PyTorch, which alone has builds of the kind $BACKEND, or }the package index did not answer for $what; run it again when it does"
    fi
    die "$what could not be installed, the message is above"
}

PIP=() UV=() BACKEND=''
# install WHAT ARGS...: the arguments are those that pip and uv share
install() {
    local what=$1
    shift
    say "installing $what"
    if [ ${#UV[@]} -gt 0 ]; then
        attempt "$what" "${UV[@]}" ${BACKEND:+--torch-backend "$BACKEND"} "$@"
    else
        attempt "$what" "${PIP[@]}" install "$@"
    fi
}

need_disk() { # need_disk GIB FOLDER HINT
    local free
    free=$(df -Pk "$2" 2>/dev/null | awk 'NR == 2 { print $4 }')
    [ -n "$free" ] || return 0
    [ "$free" -ge $(($1 * 1048576)) ] || die "no disk: $1 GiB are needed in $2, $((free / 1048576)) GiB are free$3"
}

# ------------------------------------------------------------ environment

if ! "$PY" -m pip --version >/dev/null 2>&1; then
    parent=$(dirname -- "$TARGET")
    [ -d "$parent" ] || die "--venv: there is no folder $parent"
    if [ -e "$PY" ]; then FOUND=$PY; else find_python; fi
    if [ "$KIND" = "the environment" ] || [ -n "$VENV" ]; then
        need_disk $((CPU ? 3 : 8)) "$parent" '' # before anything is made
        say "making $TARGET with Python $(version_of "$FOUND") ($FOUND)"
        "$FOUND" -m venv "$TARGET" || die "$TARGET could not be made, the message is above"
    else
        "$PY" -m ensurepip >/dev/null 2>&1 || die "$KIND $TARGET has no pip"
    fi
else
    say "using $TARGET, Python $(version_of "$PY")"
fi
rm -rf "$SCRATCH"
mkdir "$SCRATCH" || die "no disk: cannot write to $KIND $TARGET"
incomplete=$(state incomplete)
[ -z "$incomplete" ] || say "again what was interrupted: ${incomplete//$'\n'/, }"

PIP=("$PY" -m pip --disable-pip-version-check)
if ! settings=$("$PY" -I "$MISC/uv_settings.py" 2>&1); then
    say "by pip, as uv has nothing for its setting '$settings'"
elif command -v uv >/dev/null 2>&1; then
    UV=(uv)
elif "${PIP[@]}" install --quiet --target "$SCRATCH/uv" uv >/dev/null 2>&1; then
    UV=("$SCRATCH/uv/bin/uv")
else
    say 'by pip, as there is no uv'
fi
if [ ${#UV[@]} -gt 0 ]; then
    words=()
    while read -r line; do
        if [[ $line =~ ^[A-Z_]+= ]]; then
            export "${line?}"
        elif [ -n "$line" ]; then
            words+=("$line")
        fi
    done <<<"$settings"
    UV+=(pip install --python "$PY" "${words[@]}")
fi

# ------------------------------------------- torch and what OpenMMLab needs

mapfile -t wanted < <(state wanted)
BACKEND=$(state backend)
# a pair that runs belongs together, whatever its metadata say
if [ -n "$BACKEND" ] && [ -z "$TORCH$CPU" ] && "$PY" -W ignore -c 'import torchvision' 2>/dev/null; then
    BACKEND=''
elif [ -n "$BACKEND" ] && [ ${#UV[@]} -eq 0 ]; then
    die "torch and torchvision of the build '$BACKEND' come from PyTorch's own index, for which uv is needed"
fi
# versions tell uv nothing of builds
if [ -n "$BACKEND" ]; then
    for package in $(state other-builds); do
        wanted+=(--reinstall-package "$package")
    done
fi
if [ -n "$TORCH" ] || [[ ${wanted[0]} != torch==* ]]; then
    need_disk $((CPU ? 3 : 8)) "$TARGET" ''
    [ ${#UV[@]} -gt 0 ] || need_disk 4 "${TMPDIR:-/tmp}" '; TMPDIR=DIR chooses another folder'
fi
install "torch and what OpenMMLab stands on (3 GB, less with --cpu)" "${wanted[@]}"
BACKEND=

# -------------------------------------------------------------- OpenMMLab

if "$PY" -I -m pip show mmcv >/dev/null 2>&1 && { [ -n "$(state refused)" ] \
    || ! "$PY" -W ignore -c 'import torch, mmcv._ext' >/dev/null 2>&1; }; then
    say "the compiled mmcv that is here does not run with the others, mmcv-lite takes its place"
    # both, as they share their files
    "${PIP[@]}" uninstall --quiet --yes mmcv mmcv-lite || die "mmcv could not be removed, pip's message is above"
fi
mapfile -t wanted < <(state openmmlab)
xtcocotools=$(state xtcocotools)
if [ -n "$xtcocotools" ]; then
    # of any system, as its compiled part is left out
    attempt "$xtcocotools" "${PIP[@]}" download --quiet --no-deps \
        --only-binary :all: --python-version 3.11 --implementation cp \
        --platform manylinux1_x86_64 --platform manylinux2014_x86_64 \
        --dest "$SCRATCH" "$xtcocotools"
    wheel=$("$PY" -I "$MISC/pure_xtcocotools.py" "$SCRATCH"/xtcocotools-*.whl "$SCRATCH") \
        || die "the wheel of $xtcocotools is not as expected, the message is above"
    wanted+=("$wheel")
fi
install "MMEngine, MMCV, MMDetection, MMPose and semipose_mm, editable" \
    --no-deps --no-build-isolation "${wanted[@]}" -e "$ROOT"

# ------------------------------------------------------------------ check

say "checking"
"$PY" -W ignore "$ROOT/tools/check_env.py" || die "the installation is there, but not all of it works, see above"
state stamp || die "no disk: cannot write $TARGET/.semipose_mm"
say "done in $SECONDS s"
if [ "$TARGET" != "${VIRTUAL_ENV:-}" ] && [ "$TARGET" != "${CONDA_PREFIX:-}" ]; then
    say "activate it with: source $TARGET/bin/activate"
fi
