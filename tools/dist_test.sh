#!/usr/bin/env bash
# Test with several processes of one machine; every item is evaluated exactly once.
# Usage: tools/dist_test.sh MODEL CHECKPOINT PROCESSES [arguments of salseg test]
set -euo pipefail
MODEL=$1
CHECKPOINT=$2
PROCESSES=$3
torchrun --nproc_per_node="$PROCESSES" --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" \
    "$(dirname "$0")/test.py" "$MODEL" "$CHECKPOINT" --launcher pytorch "${@:4}"
