#!/usr/bin/env bash
# 16 parts of a run as an array of jobs: sbatch ci/shards/slurm.sh my-port.mjs
# Afterwards: torch-parity report results/*.json
#SBATCH --job-name=torch-parity
#SBATCH --array=1-16
#SBATCH --cpus-per-task=1
#SBATCH --mem=512M
#SBATCH --time=01:00:00
#SBATCH --output=results/%a.txt
set -euo pipefail
part=$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT
status=0
srun torch-parity verify fixtures --engine "$1" --shard "$part" --json "results/$SLURM_ARRAY_TASK_ID.json" --quiet || status=$?
# A mismatch is a result; what could not be judged is none.
[ "$status" -le 1 ]
