#!/usr/bin/env bash
# The test suite on several releases of torch, each in an environment of its own; prints a table, a row when a version is done.
#
#   tools/misc/test_matrix.sh [VERSION ...] [-- ARGUMENTS OF PYTEST]
#
# VERSION is `oldest` (the lower bound in setup.py), `fresh` (what an installation resolves to), `newest` (the newest
# release that the package index offers) or a release such as 2.9; all three names without one. An environment is made
# where there is none and used again where there is one; remove its folder to install anew. Each takes about 6 GB.
#
#   MATRIX_DIR   folder of environments, logs and the table (work_dirs/test_matrix)
#   PYTHON       interpreter that makes environments (python3)
#   WORKERS      test processes (2), each with one thread
#
# The status is 1 if one version could not be installed or has a test that fails.
set -uo pipefail
cd "$(dirname "$0")/../.."
ROOT=$PWD
MATRIX_DIR=$(realpath -m "${MATRIX_DIR:-work_dirs/test_matrix}")
PYTHON=${PYTHON:-python3}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} PIP_DISABLE_PIP_VERSION_CHECK=1
VERSIONS=()
while [ $# -gt 0 ]; do
    case $1 in
        --) shift; break ;;
        oldest | fresh | newest | [0-9]*.[0-9]*) VERSIONS+=("$1"); shift ;;
        *) echo "$1 is neither oldest, fresh, newest nor a release such as 2.9; pytest's arguments stand behind --" >&2
           exit 2 ;;
    esac
done
[ ${#VERSIONS[@]} -gt 0 ] || VERSIONS=(oldest fresh newest)
mkdir -p "$MATRIX_DIR"
TABLE=$MATRIX_DIR/table.txt
FAILED=0

# Requirement of torch for a version; empty where nothing is asked for.
requirement() {
    case $1 in
        oldest) echo "torch==$(sed -n "s/.*'torch>=\([0-9.]*\)'.*/\1/p" setup.py).*" ;;
        fresh) ;;
        newest) "$2" -m pip index versions torch 2>/dev/null | sed -n '1s/^torch (\(.*\))$/torch==\1/p' ;;
        *) echo "torch==$1.*" ;;
    esac
}

# Make the environment of a version. `.installed` is written last, so that one left half done is finished.
install() {
    local name=$1 bin=$2 torch
    [ -f "$bin/../.installed" ] && return 0
    [ -x "$bin/python" ] || "$PYTHON" -m venv "$bin/.." || return 1
    torch=$(requirement "$name" "$bin/python") || return 1
    if [ "$name" = newest ] && [ -z "$torch" ]; then
        echo "the package index tells no release of torch"
        return 1
    fi
    if [ -n "$torch" ]; then
        # The resolver picks the torchvision that accepts this torch. Where none does yet, the last one without its pin.
        "$bin/python" -m pip install --quiet "$torch" torchvision || {
            echo "no torchvision accepts $torch; the last one is installed without regard to its pin"
            "$bin/python" -m pip install --quiet "$torch" && "$bin/python" -m pip install --quiet --no-deps torchvision
        } || return 1
    fi
    "$bin/python" -m pip install --quiet --editable "$ROOT[lite,dev]" || return 1
    case $torch in *==*)
        "$bin/python" - "${torch#torch==}" <<'CHECK' || return 1
import fnmatch
import sys
from importlib.metadata import version

found = version('torch').split('+')[0]
if not fnmatch.fnmatchcase(found, sys.argv[1].split('+')[0]):
    sys.exit(f'the project replaced torch {sys.argv[1]} by {found}')
CHECK
    esac
    touch "$bin/../.installed"
}

# Versions of an environment; fails where torchvision's compiled operations do not load.
describe() {
    "$1/python" - <<'CHECK'
import platform
from importlib.metadata import version

import torch
from torchvision.ops import nms

nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
print(*(version(name) for name in ('torch', 'torchvision', 'numpy')), platform.python_version())
CHECK
}

row() { printf '%-10s %-14s %-14s %-9s %-9s %s\n' "$@" | tee -a "$TABLE"; }

: > "$TABLE"
row version torch torchvision numpy python result
for name in "${VERSIONS[@]}"; do
    bin=$MATRIX_DIR/$name/bin log=$MATRIX_DIR/$name.log
    if ! install "$name" "$bin" > "$log" 2>&1; then
        FAILED=1
        row "$name" - - - - "not installed, see $log"
        continue
    fi
    if ! found=$(describe "$bin" 2>> "$log"); then
        FAILED=1
        row "$name" - - - - "torch and torchvision do not load together, see $log"
        continue
    fi
    PYTHONPATH=$ROOT "$bin/python" -m pytest -q -n "${WORKERS:-2}" --dist loadfile --no-loadscope-reorder "$@" >> "$log" 2>&1 || FAILED=1
    # shellcheck disable=SC2086
    row "$name" $found "$(tail -n 1 "$log")"
done
exit $FAILED
