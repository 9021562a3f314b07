"""Optimization of the networks of an ensemble: AdamW with a cosine schedule, and early stopping of each member."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from sikpdos.common.errors import SikpdosError
from sikpdos.model.minibatches import minibatches
from sikpdos.model.network import ORBITALS, PDOS_SCALE, Array, forward, scale, weight_shapes
from sikpdos.model.settings import Settings
from sikpdos.model.training_spectra import SpectrumSampler


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """What the networks are trained on: n sites, and how each member divides them."""

    sampler: SpectrumSampler
    pdos: torch.Tensor  # (n, 2, 300) states/eV/atom, on the device of the training
    training: np.ndarray  # (members, n) masks
    validation: np.ndarray  # (members, n)
    input_mean: torch.Tensor  # (200,)
    input_std: float


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What a finished epoch reports."""

    epoch: int  # from 1
    epochs: int
    training_mse: float  # mean over members, (states/eV)^2
    validation_mse: float


@dataclass(kw_only=True)
class State:
    """Everything an interrupted training needs to go on."""

    weights: dict[str, torch.Tensor]  # (members, ...)
    optimizer: torch.optim.AdamW
    best: dict[str, torch.Tensor]  # weights of each member at its lowest validation error
    best_mse: np.ndarray  # (members,)
    best_epoch: np.ndarray  # (members,)
    epoch: int = 0  # finished
    history: list[Progress] = field(default_factory=list)  # of the finished epochs

    def keep_best(self, validation_mse: np.ndarray) -> None:
        """Keep the weights of the members whose validation error (members,) is lower than before."""
        for member in np.flatnonzero(validation_mse < self.best_mse):
            self.best_mse[member], self.best_epoch[member] = validation_mse[member], self.epoch
            for name, weight in self.weights.items():
                self.best[name][member] = weight.detach()[member]


def initial_state(data: TrainingData, settings: Settings) -> State:
    """Weights drawn from the seed (He), outputs starting at the mean density of states of each training part."""
    generator = torch.Generator().manual_seed(settings.seed)
    weights, members = {}, len(data.training)
    for name, shape in weight_shapes(settings.architecture()).items():
        weights[name] = torch.zeros(members, *shape)
        if name.endswith("_w"):
            gain = 0.1 if "_out" in name else 1.0
            weights[name].normal_(0, gain * (2 / shape[0]) ** 0.5, generator=generator)
    weights |= {f"{orbital}_out_b": _mean_level(data, index)[:, None] for index, orbital in enumerate(ORBITALS)}
    weights = {name: weight.to(data.pdos.device).requires_grad_() for name, weight in weights.items()}
    optimizer = torch.optim.AdamW(
        weights.values(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    return State(
        weights=weights,
        optimizer=optimizer,
        best={name: weight.detach().clone() for name, weight in weights.items()},
        best_mse=np.full(members, np.inf),
        best_epoch=np.zeros(members, int),
    )


def _mean_level(data: TrainingData, orbital: int) -> torch.Tensor:
    """Output biases (members, 300) whose softplus is the mean density of states of each training part."""
    means = torch.stack([data.pdos[torch.tensor(sites), orbital].mean(0).cpu() for sites in data.training])
    level = (means.clip(1e-4) / PDOS_SCALE).double()
    return (level + torch.log(-torch.expm1(-level))).float()


def run_epoch(state: State, data: TrainingData, settings: Settings) -> Progress:
    """One pass over the training parts, then the validation error of every member.

    Raises SikpdosError if the training diverges.
    """
    training_mse = _optimize(state, data, settings)
    state.epoch += 1
    validation_mse = _validation_mse(state, data, settings)
    if not np.isfinite(validation_mse).all():
        raise SikpdosError(f"the training diverged in epoch {state.epoch}: try a lower learning_rate")
    state.keep_best(validation_mse)
    state.history.append(
        Progress(
            epoch=state.epoch,
            epochs=settings.epochs,
            training_mse=training_mse,
            validation_mse=float(validation_mse.mean()),
        )
    )
    return state.history[-1]


def _optimize(state: State, data: TrainingData, settings: Settings) -> float:
    """One pass over the training parts; the mean of its errors, (states/eV)^2."""
    generator = torch.Generator().manual_seed(settings.seed * 100_003 + state.epoch + 1)
    _set_learning_rate(state, settings)
    dropout, architecture = _dropout(settings.dropout, generator), settings.architecture()
    variants = data.sampler.draw(state.epoch + 1)
    losses = []
    for batch in minibatches(variants, data.pdos, data.training, settings.batch, settings.mixup, generator):
        inputs = scale(batch.spectra, data.input_mean, data.input_std)
        predicted = forward(state.weights, architecture, inputs, batch.resolution, torch, dropout)
        loss = ((predicted - batch.targets) / PDOS_SCALE).square().mean(dim=(1, 2, 3))
        state.optimizer.zero_grad()
        loss.sum().backward()
        state.optimizer.step()
        losses.append(loss.detach().mean())
    return float(torch.stack(losses).mean()) * PDOS_SCALE**2


def _set_learning_rate(state: State, settings: Settings) -> None:
    """Half a cosine from the learning rate to 0 over all epochs."""
    done = state.epoch / settings.epochs
    for group in state.optimizer.param_groups:
        group["lr"] = settings.learning_rate * 0.5 * (1 + np.cos(np.pi * done))


def _dropout(rate: float, generator: torch.Generator) -> Callable[[Array], Array]:
    keep = 1 - rate

    def dropout(features: torch.Tensor) -> torch.Tensor:
        mask = torch.rand(features.shape, generator=generator) < keep
        return features * mask.to(features.device) / keep

    return dropout


@torch.no_grad()
def _validation_mse(state: State, data: TrainingData, settings: Settings) -> np.ndarray:
    """Validation error (members,) of each member on its own fold, (states/eV)^2."""
    mse = np.empty(len(data.validation))
    for member, sites in enumerate(data.validation):
        held_out = data.sampler.held_out.of_sites(sites)
        spectra = torch.tensor(held_out.flat_spectra, device=data.pdos.device)[None]
        resolution = torch.tensor(held_out.flat_resolution, device=data.pdos.device)[None]
        weights = {name: weight.detach()[member : member + 1] for name, weight in state.weights.items()}
        inputs = scale(spectra, data.input_mean, data.input_std)
        predicted = forward(weights, settings.architecture(), inputs, resolution, torch)[0]
        targets = data.pdos[torch.tensor(sites)].repeat(len(held_out.spectra), 1, 1)
        mse[member] = float((predicted - targets).square().mean())
    return mse
