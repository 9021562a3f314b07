#!/bin/bash
# Run one line of runs.csv, or all of them: ./run.sh [NUMBER]. Finished runs are skipped, so it can be started again.
# Set CASTEP and OPTADOS to your programs, e.g. CASTEP="srun castep.mpi" ./run.sh 3
# OPTADOS=true leaves OptaDOS out: parse-odo reads CASTEP's own files.
set -u
cd "$(dirname "$0")" || exit 1
CASTEP=${CASTEP:-castep.serial}
OPTADOS=${OPTADOS:-optados.x}

run_one() {
    IFS=, read -r _ _ folder seed _ < <(sed -n "$(($1 + 1))p" runs.csv)
    if [ -z "${folder:-}" ]; then
        echo "run.sh: runs.csv has no run $1" >&2
        return 1
    fi
    (
        cd "$folder" || exit 1
        if [ -e "$seed.done" ]; then exit 0; fi
        $CASTEP "$seed" || exit 1
        if ! grep -q "Total time" "$seed.castep"; then
            echo "run.sh: $folder/$seed.castep did not finish" >&2
            exit 1
        fi
        rm -f "$seed.odo"
        $OPTADOS "$seed" || exit 1
        touch "$seed.done"
    )
}

if [ $# -gt 0 ]; then
    run_one "$1"
else
    failed=0
    n_runs=$(($(wc -l < runs.csv) - 1))
    for number in $(seq "$n_runs"); do run_one "$number" || failed=1; done
    exit "$failed"
fi
