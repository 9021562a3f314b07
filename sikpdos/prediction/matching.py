"""Template matching of files and of a dataset's own test part, as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS
from sikpdos.dataset import split
from sikpdos.dataset.dataset import Dataset
from sikpdos.formats.read import Reading
from sikpdos.model.metrics import mse
from sikpdos.model.mixture import Model
from sikpdos.model.template_matching import Matched, match
from sikpdos.prediction.batches import PreparedBatch, convert_files
from sikpdos.prediction.predict import part_rows, predict_dataset
from sikpdos.spectra.settings import Preprocessing


def test_table(dataset: Dataset, kind: str, seed: int, test_groups: Sequence[str], k: int) -> dict[str, Sequence]:
    """Each test site's best template in the rest of the dataset, and the errors of its density of states."""
    fold = split.folds(dataset.groups, kind, seed, test_groups)
    return _table(dataset, np.flatnonzero(fold == split.TEST), np.flatnonzero(fold != split.TEST), k)[0]


def model_table(dataset: Dataset, model: Model, k: int) -> dict[str, Sequence]:
    """The same on the model's own split, with the model's errors and Delta MSE = matched - predicted beside them."""
    test, rest = (part_rows(dataset, model, part) for part in ("test", "train"))
    columns, matched = _table(dataset, test, rest, k)
    own = mse(predict_dataset(dataset, model, test).pdos, dataset.pdos[test])
    gained = matched.mean(axis=1) - own.mean(axis=1)
    return {**columns, "model_s_mse": own[:, 0], "model_p_mse": own[:, 1], "delta_mse": gained}


def _table(dataset: Dataset, test: np.ndarray, rest: np.ndarray, k: int) -> tuple[dict[str, Sequence], np.ndarray]:
    """Columns of a table of the rows `test` matched by the rows `rest`, and the errors of s and p (m, 2)."""
    found = match(dataset.spectra[rest], dataset.pdos[rest], dataset.spectra[test], k)
    errors = mse(found.pdos, dataset.pdos[test])
    columns = {
        "site_id": dataset.ids[test],
        "template_id": dataset.ids[rest][found.index[:, 0]],
        "spectrum_mse": found.mse[:, 0],
        "s_mse": errors[:, 0],
        "p_mse": errors[:, 1],
    }
    return columns, errors


def match_files(
    templates: Dataset,
    paths: Sequence[str],
    preprocessing: Preprocessing,
    k: int,
    failed: Callable[[str], None],
    reading: Reading = Reading(),
) -> Iterator[tuple[list[str], Matched]]:
    """Names and matches of the spectra in files (or of another dataset's); what cannot be used goes to `failed`."""

    def of_dataset(dataset: Dataset, names: list[str]) -> tuple[list[str], Matched]:
        if (dataset.sigma_eV, dataset.onset_rule) != (templates.sigma_eV, templates.onset_rule):
            raise SikpdosError("its sigma or onset rule is not the templates'")
        return names, match(templates.spectra, templates.pdos, dataset.spectra, k)

    def of_batch(batch: PreparedBatch) -> tuple[list[str], Matched]:
        rows = np.flatnonzero(batch.prepared.usable)
        matched = match(templates.spectra, templates.pdos, batch.prepared.spectra[rows], k)
        return [batch.names[row] for row in rows], matched

    matches = convert_files(
        paths,
        of_dataset=of_dataset,
        of_batch=of_batch,
        preprocessing=lambda: preprocessing,
        failed=failed,
        reading=reading,
    )
    yield from (match_of_names for _, match_of_names in matches)


def neighbour_table(templates: Dataset, names: Sequence[str], matched: Matched) -> dict[str, Sequence]:
    """The k templates of every spectrum, nearest first."""
    m, k = matched.index.shape
    return {
        "spectrum": np.repeat(names, k),
        "rank": np.tile(np.arange(1, k + 1), m),
        "template_id": templates.ids[matched.index].ravel(),
        "spectrum_mse": matched.mse.ravel(),
    }


def pdos_table(names: Sequence[str], matched: Matched) -> dict[str, Sequence]:
    """The matched densities of states, one row an energy."""
    pdos = matched.pdos.astype(float)
    return {
        "spectrum": np.repeat(names, PDOS.size),
        "energy_eV": np.tile(PDOS.energy_eV, len(names)),
        "s": pdos[:, 0].ravel(),
        "p": pdos[:, 1].ravel(),
        "total": pdos.sum(axis=1).ravel(),
    }
