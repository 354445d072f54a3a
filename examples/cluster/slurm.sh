#!/bin/bash
# Trains on 2 machines with 4 GPUs each: sbatch examples/cluster/slurm.sh stylegan2-256 data=/shared/photos
# The folder that it is started in must be on a file system that all machines share, or at least the one of process 0.
#SBATCH --job-name=ganforge
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=32
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue

set -euo pipefail
host=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
run="runs/slurm-$SLURM_JOB_ID"

# A job that was preempted and started again goes on with its run.
if [ -e "$run/recipe.yaml" ]; then
  what=(--resume "$run")
else
  what=("$@" --run-dir "$run")
fi

srun torchrun \
  --nnodes "$SLURM_NNODES" --nproc-per-node 4 \
  --rdzv-id "$SLURM_JOB_ID" --rdzv-backend c10d --rdzv-endpoint "$host:29400" \
  --max-restarts 3 \
  -m ganforge train "${what[@]}" --quiet
