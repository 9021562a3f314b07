#!/bin/bash
#SBATCH --job-name=sikpdos
#SBATCH --array=1-@{n_runs}
#SBATCH --ntasks=16
#SBATCH --time=12:00:00
#SBATCH --output=slurm-%A_%a.log
# One task a run: sbatch slurm.sh, from the folder with runs.csv. Load your modules here.
# Placeholder (@ and a name in braces) that make-castep fills in: n_runs.
export CASTEP=${CASTEP:-"srun castep.mpi"}
exec ./run.sh "$SLURM_ARRAY_TASK_ID"
