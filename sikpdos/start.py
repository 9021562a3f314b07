"""What the network starts from in training: the kernel regression's estimates of sites that it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache

import numpy as np

from sikpdos import kernel, split
from sikpdos.dataset import Dataset
from sikpdos.examples import Drawn
from sikpdos.kernel import Kernel
from sikpdos.model import logits

_SHARES = 8  # families outside a validation fold are divided into so many; each is estimated from the others


class Start:
    """Estimates for every validation fold: of its own sites, and of the training sites as if they were new."""

    def __init__(
        self, dataset: Dataset, held_out: Drawn, fold: np.ndarray, scaled: Callable[[np.ndarray], np.ndarray], seed: int
    ):
        self._fold, self._scaled, self._held_out = fold, scaled, held_out
        names, number = np.unique(dataset.groups, return_inverse=True)
        self._share = np.random.default_rng(seed).permutation(len(names))[number] % _SHARES  # (n,)
        variants, rest = len(held_out.spectra), fold != split.TEST
        spectra = scaled(held_out.spectra[:, rest].reshape(-1, 200))
        pdos = np.tile(dataset.pdos[rest].reshape(rest.sum(), -1), (variants, 1))
        parts = [fold != v for v in range(1, split.FOLDS)]  # as the model keeps them
        parts += [(fold != v) & (self._share != share) for v in range(1, split.FOLDS) for share in range(_SHARES)]
        self._all = kernel.fit(spectra, pdos, np.array([np.tile(part[rest], variants) for part in parts]))

    @cached_property
    def kernel(self) -> Kernel:
        """The regression that goes into the model: a part for each validation fold left out."""
        return kernel.Kernel(**{**vars(self._all), "alpha": self._all.alpha[: split.FOLDS - 1]})

    def of_training(self, drawn: Drawn) -> np.ndarray:
        """Logits (folds, variants, n, 2, 300) of every site outside the test part, for each validation fold, from
        training sites of other shares."""
        if drawn is not self._last[0]:
            self._last = (drawn, self._estimate(drawn))
        return self._last[1]

    _last: tuple[Drawn | None, np.ndarray] = (None, np.empty(0))

    def _estimate(self, drawn: Drawn) -> np.ndarray:
        variants, n = drawn.spectra.shape[:2]
        found = np.zeros((split.FOLDS - 1, variants, n, 2, 300), np.float32)
        for share in range(_SHARES):
            rows = np.flatnonzero((self._share == share) & (self._fold != split.TEST))
            parts = [split.FOLDS - 1 + v * _SHARES + share for v in range(split.FOLDS - 1)]
            each = kernel.predict(self._all, self._scaled(drawn.spectra[:, rows].reshape(-1, 200)), parts)
            found[:, :, rows] = logits(each).reshape(split.FOLDS - 1, variants, len(rows), 2, 300)
        return found

    @lru_cache(maxsize=split.FOLDS)  # noqa: B019 (one object a training)
    def of_validation(self, number: int) -> np.ndarray:
        """Logits (variants * k, 2, 300) of the validation fold `number`, from the training sites of the others."""
        spectra = self._held_out.spectra[:, self._fold == number].reshape(-1, 200)
        return logits(kernel.predict(self._all, self._scaled(spectra), [number - 1])[0])
