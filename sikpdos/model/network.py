"""The network: a 1D CNN from one Si K-edge spectrum to the s and p density of states, as an ensemble.

All members are evaluated at once; every weight carries the member axis first. `forward` is written for NumPy and
PyTorch alike (`xp` is one of the two modules), so training and use share one network and prediction needs no PyTorch.
A model's estimate is a mean of its networks and of a kernel regression (kernel.py) on the same sites.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

import numpy as np

from sikpdos.common import config, files, npz
from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.dataset import split
from sikpdos.model import kernel_regression, outliers, uncertainty
from sikpdos.model.uncertainty import Uncertainty

SCHEMA = "sikpdos-model-1"
ALL_PARTS = split.FOLDS  # of the kernel regression
PDOS_SCALE = 0.03  # states/eV/atom, typical deviation: keeps the network's numbers near 1
_BLOCK = 32  # spectra evaluated at a time: all members' intermediate arrays stay in the processor's cache
Array = Any  # numpy.ndarray or torch.Tensor


@dataclass(frozen=True)
class Architecture:
    """Shape of the network."""

    channels: tuple[int, ...] = (16, 32, 32)  # of the convolutions
    kernel: int = 7  # points
    stride: int = 2
    hidden: int = 64  # units of each of the two branches (s, p) before its output
    resolution_input: bool = False  # take the spectrum's sigma (or "not known") as input


def shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """Weight shapes of one member."""
    a, length, inputs, found = architecture, SPECTRUM.size, 1, {}
    for i, channels in enumerate(a.channels):
        found[f"conv{i}_w"], found[f"conv{i}_b"] = (inputs * a.kernel, channels), (1, channels)
        length, inputs = (length - a.kernel) // a.stride + 1, channels
    features = length * inputs + 2 * a.resolution_input
    for orbital in ("s", "p"):
        found[f"{orbital}_hidden_w"], found[f"{orbital}_hidden_b"] = (features, a.hidden), (1, a.hidden)
        found[f"{orbital}_out_w"], found[f"{orbital}_out_b"] = (a.hidden, PDOS.size), (1, PDOS.size)
    return found


def forward(
    weights: dict[str, Array], architecture: Architecture, spectra: Array, resolution: Array, xp: ModuleType, drop=None
) -> Array:
    """Density of states (members, B, 2, 300) of scaled spectra (members, B, 200).

    resolution (members, B, 2): whether sigma is known, and sigma in eV if so; used if the architecture
    takes it. drop, if given, is applied to the features of each branch (dropout in training).
    """
    drop = drop or (lambda features: features)
    members, batch = spectra.shape[:2]
    x = spectra[..., None]  # (members, B, length, channels)
    for i in range(len(architecture.channels)):
        windows = _windows(x, architecture.kernel, architecture.stride)  # (members, B, length, kernel, channels)
        length = windows.shape[2]
        kernels = _points_first(weights[f"conv{i}_w"], architecture.kernel)
        flat = windows.reshape(members, batch * length, -1) @ kernels + weights[f"conv{i}_b"]
        x = _relu(flat).reshape(members, batch, length, -1)
    features = x.reshape(members, batch, -1)
    if architecture.resolution_input:
        features = xp.concatenate([features, resolution], -1)
    return xp.stack([_branch(weights, orbital, features, xp, drop) for orbital in ("s", "p")], -2)


def _branch(weights: dict[str, Array], orbital: str, features: Array, xp: ModuleType, drop) -> Array:
    hidden = _relu(drop(features) @ weights[f"{orbital}_hidden_w"] + weights[f"{orbital}_hidden_b"])
    return _softplus(drop(hidden) @ weights[f"{orbital}_out_w"] + weights[f"{orbital}_out_b"], xp) * PDOS_SCALE


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


def scale(spectra: Array, mean: Array, deviation: float) -> Array:
    """What the network sees (..., 200): each spectrum at mean 1 (its maximum would carry the noise), standardised."""
    return (spectra / spectra.mean(-1)[..., None].clip(1e-3) - mean) / deviation


@dataclass(frozen=True)
class Model:
    """A trained ensemble with all that prediction needs."""

    architecture: Architecture
    weights: dict[str, np.ndarray]  # (members, ...)
    input_mean: np.ndarray  # (200,) of the training part
    input_deviation: float
    kernel: kernel_regression.Kernel  # its parts leave out the validation folds 1 to 4, the last one none
    kernel_share: float  # of the kernel regression in an estimate
    uncertainty: Uncertainty
    known: outliers.Known  # what the training spectra look like
    meta: dict  # model card: sigma_eV, onset_rule, split, scores, configuration

    @property
    def members(self) -> int:
        return len(self.weights["s_out_b"])

    @property
    def sigma_eV(self) -> float:
        """Broadening of the predicted densities of states (and of the spectra, unless resolution_input)."""
        return float(self.meta["sigma_eV"])


def predict(
    model: Model, spectra: np.ndarray, resolution: np.ndarray | None = None, block: int = _BLOCK
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and calibrated standard deviation, both (B, 2, 300) in states/eV/atom, of normalised spectra (B, 200).

    resolution (B, 2): see resolution_features; not known by default. A band of +-1.645 deviations holds 90 %.
    Blocks keep the memory flat.
    """
    resolution = unknown_resolution(len(spectra)) if resolution is None else resolution
    mean = np.empty((len(spectra), 2, PDOS.size), np.float32)
    deviation = np.empty_like(mean)
    for start in range(0, len(spectra), block):
        part = slice(start, start + block)
        found = estimates(model, spectra[part], resolution[part])
        mean[part] = found.mean(model.kernel_share)
        deviation[part] = model.uncertainty.deviation(found.each(model.kernel_share), found.nearest)
    return mean, deviation


@dataclass(frozen=True)
class Estimates:
    """What members say of B spectra."""

    networks: np.ndarray  # (members, B, 2, 300)
    regressions: np.ndarray  # (members, B, 2, 300) of the sites that each member's network was trained on
    regression: np.ndarray  # (B, 2, 300) of all sites that these members may know
    nearest: np.ndarray  # (B,) distance to the nearest of their spectra

    def mean(self, share: float) -> np.ndarray:
        """Density of states (B, 2, 300): the networks' mean and, by its share, the regression."""
        networks = self.networks.mean(axis=0)
        return networks + share * (self.regression - networks)

    def each(self, share: float) -> np.ndarray:
        """Every member's own estimate (members, B, 2, 300)."""
        return self.networks + share * (self.regressions - self.networks)


def estimates(
    model: Model, spectra: np.ndarray, resolution: np.ndarray, members: Sequence[int] | None = None
) -> Estimates:
    """What the members say of normalised spectra (B, 200); some of one validation fold, of spectra that they kept."""
    together = members is None
    members = range(model.members) if members is None else list(members)
    weights = model.weights if together else {name: w[members] for name, w in model.weights.items()}
    scaled = scale(np.asarray(spectra, np.float32), model.input_mean, model.input_deviation).astype(np.float32)
    shape = (len(members), len(spectra))
    x = np.broadcast_to(scaled, (*shape, SPECTRUM.size))
    networks = forward(weights, model.architecture, x, np.broadcast_to(resolution, (*shape, 2)), np)
    parts = [split.validation_fold(m) - 1 for m in members]
    used = [*sorted(set(parts)), ALL_PARTS - 1] if together else sorted(set(parts))
    regressions, nearest = kernel_regression.predict(model.kernel, spectra, used)
    return Estimates(networks, regressions[[used.index(part) for part in parts]], regressions[-1], nearest[-1])


def unknown_resolution(count: int) -> np.ndarray:
    """Resolution input (count, 2) of spectra whose sigma is not known."""
    return np.zeros((count, 2), np.float32)


def known_resolution(sigma_eV: float, count: int) -> np.ndarray:
    """Resolution input (count, 2) of spectra of one sigma."""
    return np.tile(np.array([1.0, sigma_eV], np.float32), (count, 1))


def write_model(path: str | os.PathLike, model: Model) -> None:
    arrays = {
        **model.weights,
        **{f"known_{key}": value for key, value in asdict(model.known).items()},
        **{f"kernel_{key}": value for key, value in asdict(model.kernel).items()},
        **{f"error_{key}": np.float32(value) for key, value in asdict(model.uncertainty).items()},
        "input_mean": model.input_mean,
        "input_deviation": np.float32(model.input_deviation),
        "kernel_share": np.float32(model.kernel_share),
    }
    npz.write(path, arrays, {**model.meta, "architecture": asdict(model.architecture)})


def read_model(path: str | os.PathLike, data: bytes | None = None) -> Model:
    """Read and check a model. Raises SikpdosError for another schema, grid, or misshapen weights."""
    arrays, meta = npz.read(path, SCHEMA, data)
    numbers = {"sigma_eV": (int, float), "lorentz_fwhm_eV": (int, float), "families": int}
    npz.require_meta(
        meta, path, **numbers, onset_rule=str, trained_on=str, settings=dict, split=dict, architecture=dict
    )
    try:
        architecture = config.from_dict(Architecture, meta["architecture"])
        layers = shapes(architecture)
    except (TypeError, ValueError, ZeroDivisionError, SikpdosError) as error:
        raise SikpdosError(f"{files.display_name(path)}: architecture: {error}") from error
    members = npz.length(arrays, path, "s_out_b")
    wanted = {name: (members, *shape) for name, shape in layers.items()}
    npz.require(arrays, path, **wanted, input_mean=(SPECTRUM.size,), input_deviation=(), kernel_share=())
    known = outliers.from_arrays(arrays, path)
    return Model(
        architecture,
        {name: arrays[name] for name in wanted},
        arrays["input_mean"],
        float(arrays["input_deviation"]),
        kernel_regression.from_arrays(arrays, path, ALL_PARTS),
        float(arrays["kernel_share"]),
        uncertainty.from_arrays(arrays, path),
        known,
        meta,
    )
