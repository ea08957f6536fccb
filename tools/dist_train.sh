#!/usr/bin/env bash
# Train with several processes of one machine: NCCL on GPUs, Gloo on CPUs.
# Usage: tools/dist_train.sh MODEL PROCESSES [arguments of salseg train]
set -euo pipefail
MODEL=$1
PROCESSES=$2
torchrun --nproc_per_node="$PROCESSES" --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" \
    "$(dirname "$0")/train.py" "$MODEL" --launcher pytorch "${@:3}"
