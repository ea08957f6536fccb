#!/usr/bin/env bash
# Train under Slurm. Not run by the authors: no Slurm cluster was at hand.
# Usage: GPUS=8 GPUS_PER_NODE=8 CPUS_PER_TASK=4 tools/slurm_train.sh PARTITION JOB_NAME MODEL [arguments of salseg train]
set -euo pipefail
PARTITION=$1
JOB_NAME=$2
MODEL=$3
GPUS=${GPUS:-8}
GPUS_PER_NODE=${GPUS_PER_NODE:-8}
srun -p "$PARTITION" --job-name="$JOB_NAME" --gres="gpu:$GPUS_PER_NODE" --ntasks="$GPUS" \
    --ntasks-per-node="$GPUS_PER_NODE" --cpus-per-task="${CPUS_PER_TASK:-4}" --kill-on-bad-exit=1 \
    python -u "$(dirname "$0")/train.py" "$MODEL" --launcher slurm "${@:4}"
