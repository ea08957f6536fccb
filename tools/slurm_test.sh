#!/usr/bin/env bash
# Test under Slurm. Not run by the authors: no Slurm cluster was at hand.
# Usage: GPUS=8 GPUS_PER_NODE=8 tools/slurm_test.sh PARTITION JOB_NAME MODEL CHECKPOINT [arguments of salseg test]
set -euo pipefail
PARTITION=$1
JOB_NAME=$2
MODEL=$3
CHECKPOINT=$4
GPUS=${GPUS:-8}
GPUS_PER_NODE=${GPUS_PER_NODE:-8}
srun -p "$PARTITION" --job-name="$JOB_NAME" --gres="gpu:$GPUS_PER_NODE" --ntasks="$GPUS" \
    --ntasks-per-node="$GPUS_PER_NODE" --cpus-per-task="${CPUS_PER_TASK:-4}" --kill-on-bad-exit=1 \
    python -u "$(dirname "$0")/test.py" "$MODEL" "$CHECKPOINT" --launcher slurm "${@:5}"
