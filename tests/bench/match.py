"""Template matching of 1,000 spectra against 100,000, beside scikit-learn's brute-force nearest neighbour."""

from __future__ import annotations

import time

import numpy as np
from sklearn.neighbors import NearestNeighbors

from sikpdos.model.template_matching import match

TEMPLATES, SPECTRA = 100_000, 1_000


def seconds(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    rng = np.random.default_rng(0)
    templates = np.cumsum(rng.normal(size=(TEMPLATES, 200)), axis=1).astype(np.float32)
    spectra = templates[rng.permutation(TEMPLATES)[:SPECTRA]] + rng.normal(size=(SPECTRA, 200)).astype(np.float32)
    pdos = np.zeros((TEMPLATES, 2, 300), np.float32)
    print(f"{'k':>3}{'sikpdos (s)':>14}{'scikit-learn (s)':>18}{'ratio':>8}{'same':>6}")
    for k in (1, 5):
        peer = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(templates)
        ours, theirs = [], []
        for _ in range(3):
            ours.append(seconds(lambda k=k: match(templates, pdos, spectra, k)))
            theirs.append(seconds(lambda peer=peer: peer.kneighbors(spectra)))
        same = (match(templates, pdos, spectra, k).index == peer.kneighbors(spectra)[1]).all()
        print(
            f"{k:>3}{min(ours):>14.3f}{min(theirs):>18.3f}{min(ours) / min(theirs):>8.2f}{'yes' if same else 'NO':>6}"
        )


if __name__ == "__main__":
    main()
