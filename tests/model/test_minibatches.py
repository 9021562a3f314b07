"""An epoch: every training site of a member, none of its validation fold; mixed with another, and its PDOS too."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sikpdos.model.minibatches import minibatches
from sikpdos.model.training_spectra import SpectrumVariants

SITES = 11
TRAINING = np.array([[i % 4 != fold for i in range(SITES)] for fold in range(4)])  # (members, n)


def epoch(mixup: float, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spectra, densities of states and resolution, each (members, n), of sites told by their number."""
    number = np.arange(SITES, dtype=np.float32)
    variants = SpectrumVariants(
        spectra=np.broadcast_to(number[None, :, None], (3, SITES, 200)).copy(),
        resolution=np.broadcast_to(number[None, :, None], (3, SITES, 2)).copy(),
        noise=noise,
    )
    pdos = torch.tensor(np.broadcast_to(number[:, None, None], (SITES, 2, 300)).copy())
    generator = torch.Generator().manual_seed(0)
    batches = list(minibatches(variants, pdos, TRAINING, 4, mixup, generator))
    assert [batch.spectra.shape[1] for batch in batches] == [4, 4, 1]
    joined = (
        torch.cat([getattr(batch, name) for batch in batches], 1) for name in ("spectra", "targets", "resolution")
    )
    return tuple(array.flatten(2)[..., 0].numpy() for array in joined)


def test_every_training_site_and_no_other():
    spectra, targets, resolution = epoch(mixup=0.0)
    for member, sites in enumerate(TRAINING):
        assert set(spectra[member].astype(int)) == set(np.flatnonzero(sites))
    assert np.array_equal(spectra, targets)
    assert np.array_equal(spectra, resolution)


def test_densities_are_mixed_like_spectra():
    spectra, targets, resolution = epoch(mixup=0.5)
    assert targets == pytest.approx(spectra, abs=1e-5)
    mixed = ~np.isclose(spectra, resolution)
    assert 0.1 < mixed.mean() < 0.9  # half, less the sites mixed with themselves
    assert (spectra <= SITES - 1).all()


def test_noise_is_added_to_the_spectra_alone():
    spectra, targets, _ = epoch(mixup=0.0, noise=0.01)
    assert 0 < np.abs(spectra - targets).max() < 0.1
    assert np.array_equal(targets, targets.round())
