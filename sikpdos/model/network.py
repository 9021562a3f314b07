"""The network: a 1D CNN from one Si K-edge spectrum to the s and p density of states.

All members of an ensemble are evaluated at once; every weight carries the member axis first. `forward` is written for
NumPy and PyTorch alike (`xp` is one of the two modules), so training and use share one network and prediction needs no
PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.model import outliers

CONDITIONS = 5  # numbers that say how a spectrum was recorded: see recording
PDOS_SCALE = 0.03  # states/eV/atom, typical standard deviation: keeps the network's numbers near 1
ORBITALS = ("s", "p")
Array = Any  # numpy.ndarray or torch.Tensor


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Shape of the network."""

    channels: tuple[int, ...] = (16, 32, 32)  # of the convolutions
    kernel: int = 7  # points of a convolution's kernel
    stride: int = 2
    hidden: int = 64  # units of each of the two branches (s, p) before its output
    resolution_input: bool = False  # take how the spectrum was recorded as input, as far as it is known


def weight_shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """Shapes of the weights of one member, by name."""
    shapes: dict[str, tuple[int, ...]] = {}
    length, inputs = SPECTRUM.size, 1
    for layer, channels in enumerate(architecture.channels):
        shapes |= {f"conv{layer}_w": (inputs * architecture.kernel, channels), f"conv{layer}_b": (1, channels)}
        length, inputs = (length - architecture.kernel) // architecture.stride + 1, channels
    features, hidden = length * inputs + CONDITIONS * architecture.resolution_input, architecture.hidden
    for orbital in ORBITALS:
        shapes |= {f"{orbital}_hidden_w": (features, hidden), f"{orbital}_hidden_b": (1, hidden)}
        shapes |= {f"{orbital}_out_w": (hidden, PDOS.size), f"{orbital}_out_b": (1, PDOS.size)}
    return shapes


def forward(
    weights: dict[str, Array],
    architecture: Architecture,
    spectra: Array,
    resolution: Array,
    xp: ModuleType,
    dropout: Callable[[Array], Array] = lambda features: features,
) -> Array:
    """Density of states (members, B, 2, 300), states/eV/atom, of scaled spectra (members, B, 200).

    resolution (members, B, 5): how they were recorded (see recording); used if the architecture takes it. dropout is
    applied to the features of each branch; in use it changes nothing.
    """
    members, batch = spectra.shape[:2]
    x = spectra[..., None]  # (members, B, length, channels)
    for layer in range(len(architecture.channels)):
        windows = _windows(x, architecture.kernel, architecture.stride)  # (members, B, length, kernel, channels)
        length = windows.shape[2]
        kernels = _points_first(weights[f"conv{layer}_w"], architecture.kernel)
        flat = windows.reshape(members, batch * length, -1) @ kernels + weights[f"conv{layer}_b"]
        x = _relu(flat).reshape(members, batch, length, -1)
    features = x.reshape(members, batch, -1)
    if architecture.resolution_input:
        features = xp.concatenate([features, resolution], -1)
    return xp.stack([_branch(weights, orbital, features, xp, dropout) for orbital in ORBITALS], -2)


def _branch(
    weights: dict[str, Array], orbital: str, features: Array, xp: ModuleType, dropout: Callable[[Array], Array]
) -> Array:
    hidden = _relu(dropout(features) @ weights[f"{orbital}_hidden_w"] + weights[f"{orbital}_hidden_b"])
    return _softplus(dropout(hidden) @ weights[f"{orbital}_out_w"] + weights[f"{orbital}_out_b"], xp) * PDOS_SCALE


def _windows(x: Array, kernel: int, stride: int) -> Array:
    """Pieces of `kernel` points of all channels, in the order in which they lie in memory: quick to copy."""
    if isinstance(x, np.ndarray):
        return np.lib.stride_tricks.sliding_window_view(x, kernel, axis=2)[:, :, ::stride].swapaxes(-1, -2)
    return x.unfold(2, kernel, stride).swapaxes(-1, -2)


def _points_first(weights: Array, kernel: int) -> Array:
    """Rows of convolution weights (members, inputs * kernel, channels) in the order of `_windows`."""
    members, rows, channels = weights.shape
    return weights.reshape(members, rows // kernel, kernel, channels).swapaxes(1, 2).reshape(weights.shape)


def _relu(x: Array) -> Array:
    return x.clip(0)


def _softplus(x: Array, xp: ModuleType) -> Array:
    return x.clip(0) + xp.log1p(xp.exp(-abs(x)))


def scale(spectra: Array, mean: Array, std: float) -> Array:
    """What the network sees (..., 200): each spectrum at mean 1 (its maximum would carry the noise), standardised."""
    return (spectra / spectra.mean(-1)[..., None].clip(1e-3) - mean) / std


def recording(spectra: np.ndarray, sigma_eV: float | np.ndarray | None = None, kind: str = "unknown") -> np.ndarray:
    """What the network is told about spectra (B, 200) beside themselves (B, 5).

    Whether sigma is known, and sigma in eV if so; whether the kind is known to be XAS, or EELS; the noise, as the
    decadic logarithm of its share of the mean, 2 added.
    """
    told = np.zeros((len(spectra), CONDITIONS), np.float32)
    if sigma_eV is not None:
        told[:, 0], told[:, 1] = 1, sigma_eV
    told[:, 2], told[:, 3] = kind == "xas", kind == "eels"
    told[:, 4] = np.log10(outliers.noise(spectra).clip(1e-3)) + 2
    return told
