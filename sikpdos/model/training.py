"""Training: an ensemble of networks on one dataset, all members at once, in PyTorch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from sikpdos.common import npz
from sikpdos.common.errors import SikpdosError
from sikpdos.dataset import split
from sikpdos.dataset.dataset import Dataset
from sikpdos.model import calibration, kernel_regression, metrics, outliers
from sikpdos.model.network import PDOS_SCALE, SCHEMA, Architecture, Model, forward, scale, shapes
from sikpdos.model.training_spectra import Drawn, Examples, clean, measured
from sikpdos.model.uncertainty import Uncertainty

CHECKPOINT_SCHEMA = "sikpdos-checkpoint-1"


@dataclass(frozen=True)
class Settings:
    """All that decides a training; the names are those of the configuration file."""

    split: str = "grouped"  # or "random"
    seed: int = 0
    test_groups: tuple[str, ...] = ()  # families put in the test part
    members: int = 8  # of the ensemble; member i validates on fold 1 + i mod 4
    epochs: int = 150
    patience: int = 60  # epochs without a better validation error of any member
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    dropout: float = 0.2
    mixtures: float = 0.5  # share of training spectra that are sums of two sites', like their densities of states
    noise: float = 0.1  # standard deviation added to clean spectra in training (their maximum is 1)
    channels: tuple[int, ...] = (16, 32, 32)
    hidden: int = 64
    measured: bool = False  # train on simulated measurements instead of clean spectra
    sigma_eV: tuple[float, ...] = (0.4, 1.5)  # their resolution, from and to
    counts: tuple[float, ...] = (1e2, 1e6)  # their counts per channel at the edge, from and to

    def architecture(self) -> Architecture:
        return Architecture(channels=self.channels, hidden=self.hidden, resolution_input=self.measured)


@dataclass(frozen=True)
class Progress:
    """What a finished epoch reports."""

    epoch: int  # from 1
    epochs: int
    training_mse: float  # mean over members, (states/eV)^2
    validation_mse: float


@dataclass
class State:
    """Everything an interrupted training needs to go on."""

    weights: dict[str, torch.Tensor]  # (members, ...)
    optimizer: torch.optim.AdamW
    best: dict[str, torch.Tensor]  # weights of each member at its lowest validation error
    best_mse: np.ndarray  # (members,)
    best_epoch: np.ndarray  # (members,)
    epoch: int  # finished


def train(
    dataset: Dataset,
    settings: Settings,
    report: Callable[[Progress], None] = lambda progress: None,
    checkpoint: str | None = None,
    device: str | None = None,
) -> Model:
    """Train, calibrate on the validation parts, and score once on the test part.

    checkpoint: file that an interrupted training continues from; removed at the end. device: PyTorch's name; by
    default a GPU if there is one. Same seed, same bytes on a CPU. Raises SikpdosError for a dataset too
    small to split, settings out of range, or a device that is not there.
    """
    check(settings)
    where = choose_device(device)
    fold = split.folds(dataset.groups, settings.split, settings.seed, settings.test_groups)
    examples = (measured if settings.measured else clean)(dataset, settings)
    validation = np.array([fold == split.validation_fold(m) for m in range(settings.members)])  # (members, n)
    training = (fold != split.TEST) & ~validation
    mean, deviation = _input_scale(examples, fold != split.TEST)
    fit = _Fit(dataset, settings, examples, training, validation, mean, deviation, where)
    state = fit.start()
    if checkpoint is not None:
        _load(checkpoint, state, fit.digest)
    while state.epoch < settings.epochs and state.epoch - state.best_epoch.max() < settings.patience:
        report(fit.epoch(state))
        if checkpoint is not None and state.epoch % 25 == 0:
            _save(checkpoint, state, fit.digest)
    return _finish(dataset, settings, examples, fold, state, mean, deviation)


def check(settings: Settings) -> None:
    """Raise SikpdosError for settings that cannot work."""
    for name in ("members", "epochs", "patience", "batch", "hidden", "learning_rate"):
        if not 0 < getattr(settings, name) < np.inf:
            raise SikpdosError(f"setting '{name}' must be positive, is {getattr(settings, name)}")
    for name, top in {"dropout": 0.99, "mixtures": 1.0, "noise": np.inf, "weight_decay": np.inf}.items():
        if not 0 <= getattr(settings, name) <= top:
            raise SikpdosError(f"setting '{name}' must be in [0, {top:g}], is {getattr(settings, name)}")
    for name in ("sigma_eV", "counts"):
        limits = getattr(settings, name)
        if len(limits) != 2 or not 0 < limits[0] <= limits[1] < np.inf:
            raise SikpdosError(f"setting '{name}' must be two increasing positive numbers, is {list(limits)}")
    if not settings.channels or min(min(shape) for shape in shapes(settings.architecture()).values()) < 1:
        raise SikpdosError(f"setting 'channels' must be a few positive numbers, is {list(settings.channels)}")


def choose_device(device: str | None) -> torch.device:
    """The named device, or a GPU if there is one, else the CPU. Raises SikpdosError if it is not there."""
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=device)
        return torch.device(device)
    except (RuntimeError, AssertionError) as error:
        raise SikpdosError(f"device '{device}' is not available") from error


def _input_scale(examples: Examples, part: np.ndarray) -> tuple[np.ndarray, float]:
    inputs = scale(examples.draw(0).spectra[:, part].reshape(-1, 200), 0.0, 1.0)
    mean = inputs.mean(axis=0)
    return mean.astype(np.float32), float((inputs - mean).std())


class _Fit:
    """One training in the making: what stays the same from epoch to epoch."""

    def __init__(self, dataset, settings, examples, training, validation, mean, deviation, device):
        self.settings, self.examples, self.device = settings, examples, device
        self.architecture = settings.architecture()
        self.training, self.validation = training, validation  # (members, n) masks
        self.mean, self.deviation = torch.tensor(mean, device=device), deviation
        self.targets = torch.tensor(dataset.pdos, device=device)  # (n, 2, 300)
        content = b"".join(np.ascontiguousarray(a).tobytes() for a in (dataset.spectra, dataset.pdos, training))
        self.digest = hashlib.sha256(repr(settings).encode() + content).hexdigest()

    def start(self) -> State:
        """Weights drawn from the seed (He), outputs starting at the mean density of states of each training part."""
        generator = torch.Generator().manual_seed(self.settings.seed)
        weights = {}
        for name, shape in shapes(self.architecture).items():
            weights[name] = torch.zeros(self.settings.members, *shape)
            if name.endswith("_w"):
                gain = 0.1 if "_out" in name else 1.0
                weights[name].normal_(0, gain * (2 / shape[0]) ** 0.5, generator=generator)
        for i, orbital in enumerate(("s", "p")):
            means = torch.stack([self.targets[torch.tensor(part), i].mean(0).cpu() for part in self.training])
            level = (means.clip(1e-4) / PDOS_SCALE).double()
            weights[f"{orbital}_out_b"] = (level + torch.log(-torch.expm1(-level))).float()[:, None]
        weights = {name: w.to(self.device).requires_grad_() for name, w in weights.items()}
        members = self.settings.members
        optimizer = torch.optim.AdamW(
            weights.values(), lr=self.settings.learning_rate, weight_decay=self.settings.weight_decay, fused=True
        )
        best = {name: w.detach().clone() for name, w in weights.items()}
        return State(weights, optimizer, best, np.full(members, np.inf), np.zeros(members, int), 0)

    def epoch(self, state: State) -> Progress:
        """One pass over the training parts, then the validation error of every member."""
        generator = torch.Generator().manual_seed(self.settings.seed * 100_003 + state.epoch + 1)
        for group in state.optimizer.param_groups:
            done = state.epoch / self.settings.epochs
            group["lr"] = self.settings.learning_rate * 0.5 * (1 + np.cos(np.pi * done))
        losses = []
        for spectra, resolution, targets in self._batches(state.epoch, generator):
            predicted = forward(
                state.weights, self.architecture, spectra, resolution, torch, lambda f: self._drop(f, generator)
            )
            loss = ((predicted - targets) / PDOS_SCALE).square().mean(dim=(1, 2, 3))
            state.optimizer.zero_grad()
            loss.sum().backward()
            state.optimizer.step()
            losses.append(loss.detach().mean())
        state.epoch += 1
        validation = self._validate(state)
        if not np.isfinite(validation).all():
            raise SikpdosError(f"the training diverged in epoch {state.epoch}: try a lower learning_rate")
        for m in np.flatnonzero(validation < state.best_mse):
            state.best_mse[m], state.best_epoch[m] = validation[m], state.epoch
            for name, weight in state.weights.items():
                state.best[name][m] = weight.detach()[m]
        training_mse = float(torch.stack(losses).mean()) * PDOS_SCALE**2
        return Progress(state.epoch, self.settings.epochs, training_mse, float(validation.mean()))

    def _batches(self, epoch: int, generator: torch.Generator) -> Iterator[tuple[torch.Tensor, ...]]:
        """Scaled spectra (members, B, 200), resolution (members, B, 2) and densities of states (members, B, 2, 300)."""
        drawn = self.examples.draw(epoch + 1)
        variants = drawn.spectra.shape[0]
        size = self.training.sum(axis=1).max()
        order = torch.stack([self._order(np.flatnonzero(part), size, generator) for part in self.training])
        other = torch.stack([self._order(np.flatnonzero(part), size, generator) for part in self.training])
        pick = torch.randint(variants, order.shape, generator=generator)
        spectra, resolution = torch.tensor(drawn.spectra), torch.tensor(drawn.resolution)
        for start in range(0, size, self.settings.batch):
            part = slice(start, start + self.settings.batch)
            rows, others, variant = order[:, part], other[:, part], pick[:, part]
            share = self._share(rows.shape, generator)
            x = (1 - share) * spectra[variant, rows] + share * spectra[variant, others]
            x = x + drawn.noise * torch.randn(x.shape, generator=generator)
            x = scale(x.to(self.device), self.mean, self.deviation)
            share = share[..., None].to(self.device)
            targets = (1 - share) * self.targets[rows] + share * self.targets[others]
            yield x, resolution[variant, rows].to(self.device), targets

    def _share(self, shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
        """Share of the second site in each training spectrum (members, B, 1): 0 unless it is a mixture."""
        mixed = torch.rand(shape, generator=generator) < self.settings.mixtures
        return (mixed * torch.rand(shape, generator=generator))[..., None]

    @staticmethod
    def _order(rows: np.ndarray, size: int, generator: torch.Generator) -> torch.Tensor:
        """A permutation of the rows, filled up to a common length with rows drawn again."""
        permutation = torch.randperm(len(rows), generator=generator)
        more = torch.randint(len(rows), (size - len(rows),), generator=generator)
        return torch.tensor(rows)[torch.cat([permutation, more])]

    def _drop(self, features: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        keep = 1 - self.settings.dropout
        mask = torch.rand(features.shape, generator=generator) < keep
        return features * mask.to(features.device) / keep

    @torch.no_grad()
    def _validate(self, state: State) -> np.ndarray:
        drawn = self.examples.held_out
        members, (variants, _n) = self.settings.members, drawn.spectra.shape[:2]
        x = scale(torch.tensor(drawn.spectra, device=self.device).reshape(1, -1, 200), self.mean, self.deviation)
        resolution = torch.tensor(drawn.resolution, device=self.device).reshape(1, -1, 2)
        mse = np.empty(members)
        for m in range(members):  # each on its own fold
            rows = torch.tensor(np.tile(self.validation[m], variants))
            mine = {name: w.detach()[m : m + 1] for name, w in state.weights.items()}
            predicted = forward(mine, self.architecture, x[:, rows], resolution[:, rows], torch)[0]
            targets = self.targets.repeat(variants, 1, 1)[rows]
            mse[m] = float((predicted - targets).square().mean())
        return mse


def _save(path: str, state: State, digest: str) -> None:
    arrays = {"best_mse": state.best_mse, "best_epoch": state.best_epoch, "epoch": np.array(state.epoch)}
    for name, weight in state.weights.items():
        moments = state.optimizer.state[weight]
        arrays |= {f"w_{name}": weight, f"best_{name}": state.best[name]}
        arrays |= {f"m1_{name}": moments["exp_avg"], f"m2_{name}": moments["exp_avg_sq"], f"n_{name}": moments["step"]}
    plain = {k: v.detach().cpu().numpy() if isinstance(v, torch.Tensor) else v for k, v in arrays.items()}
    npz.write(path, plain, {**npz.provenance(CHECKPOINT_SCHEMA), "digest": digest})


def _load(path: str, state: State, digest: str) -> None:
    """Continue from a checkpoint of the same data and settings, if there is one."""
    if not Path(path).exists():
        return
    arrays, meta = npz.read(path, CHECKPOINT_SCHEMA)
    if meta["digest"] != digest:
        raise SikpdosError(f"{path}: belongs to a training on other data or settings; remove it to start anew")
    state.best_mse, state.best_epoch, state.epoch = arrays["best_mse"], arrays["best_epoch"], int(arrays["epoch"])
    for name, weight in state.weights.items():
        moments = {"exp_avg": f"m1_{name}", "exp_avg_sq": f"m2_{name}"}
        weight.data.copy_(torch.tensor(arrays[f"w_{name}"]))
        state.best[name].copy_(torch.tensor(arrays[f"best_{name}"]))
        restored = {key: torch.tensor(arrays[a]).to(weight.device) for key, a in moments.items()}
        state.optimizer.state[weight] = {**restored, "step": torch.tensor(arrays[f"n_{name}"])}


def _finish(dataset, settings, examples, fold, state, mean, deviation) -> Model:
    """Calibrate on the validation parts, describe what is known, score on the test part."""
    weights = {name: w.cpu().numpy() for name, w in state.best.items()}
    card = {
        **npz.provenance(SCHEMA),
        **{key: dataset.meta[key] for key in ("sigma_eV", "lorentz_fwhm_eV", "onset_rule")},
        "settings": asdict(settings),
        "trained_on": "simulated measurements" if settings.measured else "computed spectra",
        "families": len(set(dataset.groups[fold != split.TEST])),
        "best_epoch": state.best_epoch.tolist(),
    }
    held_out = examples.held_out
    regression = _regression(dataset, held_out, fold)
    certain, nothing = Uncertainty(np.zeros((2, 300), np.float32), 1.0, 0.0, 1.0), outliers.fit(dataset.spectra)
    model = Model(settings.architecture(), weights, mean, deviation, regression, 0.0, certain, nothing, card)
    parts = calibration.validation_parts(model, held_out, dataset.pdos, fold)
    share = calibration.kernel_share(parts)
    error, known = calibration.calibrate(parts, share), calibration.known_spectra(held_out, fold)
    model = replace(model, kernel_share=share, uncertainty=error, known=known)
    ids = {
        part: dataset.ids[fold == split.TEST if part == "test" else fold != split.TEST] for part in ("test", "train")
    }
    meta = {
        **card,
        "split": {part: ids[part].tolist() for part in ids} | {"kind": settings.split, "fold": fold.tolist()},
        "group_mse": calibration.group_mse(parts, share, dataset.groups),
        "scores": metrics.of_model(model, held_out, dataset, fold),
    }
    return replace(model, meta=meta)


def _regression(dataset: Dataset, drawn: Drawn, fold: np.ndarray) -> kernel_regression.Kernel:
    """The kernel regression on the spectra outside the test part, a part for each validation fold left out, and all."""
    variants, rest = len(drawn.spectra), fold != split.TEST
    spectra = drawn.spectra[:, rest].reshape(-1, 200)
    pdos = np.tile(dataset.pdos[rest].reshape(rest.sum(), -1), (variants, 1))
    left_out = [*range(1, split.FOLDS), split.TEST]
    parts = [np.tile(fold[rest] != number, variants) for number in left_out]
    return kernel_regression.fit(spectra, pdos, np.array(parts))
