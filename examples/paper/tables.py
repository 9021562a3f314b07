"""Tables of errors behind Figures 1, 2 and 5; `make paper` calls this.

python tables.py test dataset-0.5.npz test.npz test.csv        # MSE of each test site
python tables.py splits grouped-0.csv ... matches-grouped.csv  # `match --model` of several splits
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sikpdos.common import tables
from sikpdos.dataset.dataset import read_dataset
from sikpdos.model import metrics
from sikpdos.prediction.storage import read_predictions


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("table", choices=["test", "splits"])
    options.add_argument("files", nargs="+")
    options.add_argument("output")
    chosen = options.parse_args()
    make = {"test": test_sites, "splits": splits}[chosen.table]
    tables.write_csv(chosen.output, make(chosen.files))


def test_sites(files: Sequence[str]) -> dict[str, Sequence]:
    """Error of the model at every predicted site of a dataset, the best first."""
    known, found = read_dataset(files[0]), read_predictions(files[1])
    rows = np.array([known.ids.tolist().index(name) for name in found.ids.tolist()])
    errors = metrics.mse(found.pdos, known.pdos[rows])
    order = np.argsort(errors.mean(axis=1), kind="stable")
    columns = {"site_id": found.ids, "family": known.groups[rows], "s_mse": errors[:, 0], "p_mse": errors[:, 1]}
    return {name: values[order] for name, values in columns.items()}


def splits(files: Sequence[str]) -> dict[str, Sequence]:
    """Matches of several splits in one table; the seed stands at the end of each file's name."""
    stacked = []
    for file in files:
        table = tables.read_csv(file)
        seed = Path(file).stem.rpartition("-")[2]
        stacked.append({"seed": [seed] * len(table["site_id"]), **table})
    return tables.concatenate(stacked)


if __name__ == "__main__":
    main()
