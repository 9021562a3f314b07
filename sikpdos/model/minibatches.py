"""Minibatches of an epoch: shuffled sites of each member's training part, mixed and with noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from sikpdos.model.training_spectra import SpectrumVariants


@dataclass(frozen=True, kw_only=True)
class Minibatch:
    """B training spectra for each member, as its network will see them once they are scaled."""

    spectra: torch.Tensor  # (members, B, 200)
    resolution: torch.Tensor  # (members, B, 2)
    targets: torch.Tensor  # (members, B, 2, 300) densities of states, states/eV/atom


def minibatches(
    variants: SpectrumVariants,
    pdos: torch.Tensor,
    training: np.ndarray,
    size: int,
    mixup: float,
    generator: torch.Generator,
) -> Iterator[Minibatch]:
    """One pass over the training parts (members, n) of n sites, `size` spectra of each member at a time.

    A share `mixup` of the spectra are sums of two sites' (with the resolution of the first), like their densities of
    states (n, 2, 300): doi:10.48550/arXiv.1710.09412. Tensors are on the device of `pdos`.
    """
    length, device = training.sum(axis=1).max(), pdos.device
    order = _orders(training, length, generator)
    partners = _orders(training, length, generator)
    chosen = torch.randint(len(variants.spectra), order.shape, generator=generator)
    spectra, resolution = torch.tensor(variants.spectra), torch.tensor(variants.resolution)
    for start in range(0, length, size):
        columns = slice(start, start + size)
        sites, others, variant = order[:, columns], partners[:, columns], chosen[:, columns]
        share = _mixup_share(sites.shape, mixup, generator)
        mixed = (1 - share) * spectra[variant, sites] + share * spectra[variant, others]
        mixed = mixed + variants.noise * torch.randn(mixed.shape, generator=generator)
        share = share[..., None].to(device)
        yield Minibatch(
            spectra=mixed.to(device),
            resolution=resolution[variant, sites].to(device),
            targets=(1 - share) * pdos[sites] + share * pdos[others],
        )


def _mixup_share(shape: torch.Size, mixup: float, generator: torch.Generator) -> torch.Tensor:
    """Share of the second site in each training spectrum (members, B, 1): 0 unless it is mixed."""
    mixed = torch.rand(shape, generator=generator) < mixup
    return (mixed * torch.rand(shape, generator=generator))[..., None]


def _orders(training: np.ndarray, length: int, generator: torch.Generator) -> torch.Tensor:
    """A permutation of each member's training sites (members, length), filled up with sites drawn again."""
    return torch.stack([_order(np.flatnonzero(sites), length, generator) for sites in training])


def _order(sites: np.ndarray, length: int, generator: torch.Generator) -> torch.Tensor:
    permutation = torch.randperm(len(sites), generator=generator)
    repeated = torch.randint(len(sites), (length - len(sites),), generator=generator)
    return torch.tensor(sites)[torch.cat([permutation, repeated])]
