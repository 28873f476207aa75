#!/usr/bin/env bash
# Copyright (c) semipose_mm authors.
# Installs semipose_mm with all that it stands on: torch, MMEngine, MMCV (with
# ops), MMDetection and MMPose, in the versions that requirements/ pins.
# It may be stopped at any time; run again, it goes on where it stopped.

usage() {
    cat <<'USAGE'
Usage: bash tools/install.sh [--torch VERSION] [--tests] [--venv DIR]
                             [--print-python] [--help]

Installs into DIR if --venv names one, else into the active virtual or conda
environment, else into .venv in the repository, which it makes.

  --torch VERSION  another torch (2.4 or newer) with the torchvision made for
                   it; without it a torch >= 2.4 that is there is kept
  --tests          what the tests and the style check need, too
  --print-python   only tell which Python the environment has

Environment variables:
  PYTHON                    the Python (3.9 to 3.11) to make .venv with
  SEMIPOSE_MMCV_FIND_LINKS  page or folder with prebuilt mmcv wheels, such as
                            OpenMMLab's for your torch and CUDA
  SEMIPOSE_CACHE            where compiled mmcv wheels are kept
                            (~/.cache/semipose_mm)
  MAX_JOBS, FORCE_CUDA      compile with fewer jobs; CUDA ops (1) or CPU ops
                            (0) whatever GPU there is
  TMPDIR                    where pip unpacks, about 4 GiB
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
TORCH='' TESTS='' VENV='' PRINT=''
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
        3.9 | 3.10 | 3.11) return 0 ;;
    esac
    return 1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        fits "$PYTHON" || die "wrong Python: PYTHON=$PYTHON is $(version_of "$PYTHON" || echo missing), 3.9 to 3.11 is needed"
        FOUND=$PYTHON
        return
    fi
    local name seen='' without_venv=''
    for name in python3 python python3.11 python3.10 python3.9; do
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
    die "wrong Python: 3.9 to 3.11 is needed, on PATH ${seen:-there is none}; PYTHON=/path/to/python3.11 names one that is elsewhere"
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
    fits "$PY" || die "wrong Python: $KIND $TARGET has $(version_of "$PY" || echo a broken one), 3.9 to 3.11 is needed; deactivate or remove it"
elif [ "$TARGET" != "$ROOT/.venv" ] && [ -z "$VENV" ]; then
    die "$KIND $TARGET has no bin/python"
fi

# ------------------------------------------------- is all of it there already

STAMP=$TARGET/.semipose_mm
if [ -e "$PY" ] && done_already=$("$PY" -I "$MISC/install_state.py" check "$STAMP" "$ROOT" ${TORCH:+--torch "$TORCH"} ${TESTS:+--tests}); then
    say "everything is installed in $TARGET ($done_already)"
    exit 0
fi

# ------------------------------------------------------------ running steps

LOG=$(mktemp "${TMPDIR:-/tmp}/semipose_mm-install.XXXXXX") \
    || die "no disk: cannot write to ${TMPDIR:-/tmp}; TMPDIR=DIR chooses another folder"
HEART=
cleanup() {
    [ -z "$HEART" ] || kill "$HEART" 2>/dev/null
    rm -f "$LOG"
}
trap cleanup EXIT
trap 'echo; die "stopped; run it again to go on"' INT TERM

# pip without a terminal is silent while it downloads and unpacks
start_heart() {
    [ -t 1 ] && return
    (
        trap 'kill "$nap" 2>/dev/null; exit' TERM
        while sleep 20 & nap=$!; wait "$nap"; do
            printf '%s\n' "  ... still at it, $SECONDS s"
        done
    ) &
    HEART=$!
}
stop_heart() {
    [ -z "$HEART" ] || { kill "$HEART" && wait "$HEART"; } 2>/dev/null
    HEART=
}

# pip_install WHAT ARGS...: one clear line if it fails
pip_install() {
    local what=$1 code
    shift
    say "installing $what"
    : >"$LOG"
    start_heart
    "$PY" -m pip install --disable-pip-version-check --log "$LOG" "$@"
    code=$?
    stop_heart
    [ $code -eq 0 ] && return
    if grep -q 'No space left on device' "$LOG"; then
        die "no disk: ${what%% (*} did not fit into $TARGET or ${TMPDIR:-/tmp}; free some and run it again"
    elif grep -qE 'NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|Network is unreachable|from versions: none' "$LOG"; then
        die "no network: the package index did not answer for ${what%% (*}; run it again when it does"
    fi
    die "${what%% (*} could not be installed, pip's message is above"
}

has() { "$PY" -I "$MISC/install_state.py" has "$@"; }
version() { "$PY" -I "$MISC/install_state.py" version "$1"; }
pin() { "$PY" -I "$MISC/install_state.py" pin "$1" "$ROOT"; }

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
        need_disk 8 "$parent" ''
        say "making $TARGET with Python $(version_of "$FOUND") ($FOUND)"
        "$FOUND" -m venv "$TARGET" || die "$TARGET could not be made, the message is above"
    else
        "$PY" -m ensurepip >/dev/null 2>&1 || die "$KIND $TARGET has no pip"
    fi
else
    say "using $TARGET, Python $(version_of "$PY")"
fi

mapfile -t incomplete < <("$PY" -I "$MISC/install_state.py" incomplete)
if [ -n "${incomplete[*]}" ]; then
    pip_install "again what was interrupted: ${incomplete[*]}" \
        --no-deps "${incomplete[@]}"
fi

# ------------------------------------------------------------------ torch

now=$(version torch)
if [ -n "$TORCH" ]; then
    want=$TORCH
elif [ -n "$now" ] && has torch; then
    want=$now
else
    want=$(pin torch)
fi
base=${want%%+*}
local=${want#"$base"}
minor=${base#2.}
vision=0.$((${minor%%.*} + 15)).${base##*.}$local
if [ "${now%%+*}" = "$base" ] && [ "$(version torchvision | cut -d+ -f1)" = "${vision%%+*}" ]; then
    say "keeping torch $now"
else
    if [ "$now" = "$want" ]; then
        need_disk 1 "$TARGET" ''
    else
        # pip keeps all archives in TMPDIR until they are unpacked
        tmp=${TMPDIR:-/tmp}
        if [ "$(stat -c %d "$TARGET")" = "$(stat -c %d "$tmp")" ]; then
            need_disk 11 "$TARGET" ''
        else
            need_disk 8 "$TARGET" ''
            need_disk 4 "$tmp" '; TMPDIR=DIR chooses another folder'
        fi
    fi
    pip_install "torch $want and torchvision $vision (about 3 GB, the longest download)" \
        "torch==$want" "torchvision==$vision" \
        -c "$ROOT/requirements/runtime.txt"
fi

# -------------------------------------------------- what OpenMMLab stands on

mapfile -t runtime < <("$PY" -I "$MISC/install_state.py" runtime "$ROOT" ${TESTS:+--tests})
if ! has "${runtime[@]}"; then
    need_disk 1 "$TARGET" ''
    pip_install "the packages that OpenMMLab's stand on" "${runtime[@]}"
fi

# -------------------------------------------------------------- OpenMMLab

openmmlab=()
for name in mmengine mmdet mmpose; do
    [ "$(version $name)" = "$(pin $name)" ] || openmmlab+=("$name==$(pin $name)")
done
if [ ${#openmmlab[@]} -gt 0 ]; then
    pip_install "${openmmlab[*]}" --no-deps "${openmmlab[@]}"
fi
mapfile -t build < <(grep -v '^#' "$ROOT/requirements/build.txt")
has "${build[@]}" || pip_install "what mmcv is built with" "${build[@]}"
"$PY" -W ignore "$MISC/install_mmcv.py" "$(pin mmcv)" || exit 1

# ---------------------------------------------------------------- plugin

pip_install "semipose_mm, editable" --no-deps --no-build-isolation --quiet -e "$ROOT"

# ------------------------------------------------------------------ check

say "checking"
"$PY" -W ignore "$ROOT/tools/check_env.py" || die "the installation is there, but not all of it works, see above"
"$PY" -I "$MISC/install_state.py" stamp "$STAMP" "$ROOT" ${TESTS:+--tests} || die "no disk: cannot write $STAMP"
say "done in $SECONDS s"
if [ "$TARGET" != "${VIRTUAL_ENV:-}" ] && [ "$TARGET" != "${CONDA_PREFIX:-}" ]; then
    say "activate it with: source $TARGET/bin/activate"
fi
