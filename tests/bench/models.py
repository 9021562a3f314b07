"""Networks and trainings that were tried in place of ours: the same splits, alone and with the kernel regression.

    bin/bench models [--measured] [--dataset FILE] [--seeds 1] [--only NAME ...] [--epochs 80]

Each is an ensemble of four, of which each keeps one fold outside the test part for early stopping, with the shipped
training's optimizer, spectra and dropout. Stacked: with the kernel regression, by the weight that is best on the
validation folds, as the model does. MSE in 1e-3 (states/eV)^2 on the test part and on the external set, of computed
spectra or of simulated measurements (--measured).
"""

from __future__ import annotations

import argparse
import copy
import itertools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path[:0] = [str(Path(__file__).resolve().parent)]

from accuracy import asked_for  # noqa: E402

from sikpdos.common import resources  # noqa: E402
from sikpdos.common.grid import PDOS, SPECTRUM  # noqa: E402
from sikpdos.dataset import split  # noqa: E402
from sikpdos.dataset.dataset import Dataset  # noqa: E402
from sikpdos.model import kernel_regression  # noqa: E402
from sikpdos.model.network import CONDITIONS, PDOS_SCALE  # noqa: E402
from sikpdos.model.settings import Settings  # noqa: E402
from sikpdos.model.training_spectra import SpectrumVariants, sampler  # noqa: E402

_BATCH, _RATE, _DECAY = 32, 2e-3, 1e-3
_OUTPUTS = 2 * PDOS.size
_FIRST = round((SPECTRUM.start_eV - PDOS.start_eV) / PDOS.step_eV)  # PDOS point of the spectrum's first point


class Dense(nn.Module):
    """Flattened features, and what is told of the recording, to s and p by a hidden layer each, as in our network."""

    def __init__(self, features: int, hidden: int = 64):
        super().__init__()
        self.s, self.p = (
            nn.Sequential(
                nn.Dropout(0.2),
                nn.Linear(features + CONDITIONS, hidden),
                nn.ReLU(),
                nn.Dropout(0.2),
                nn.Linear(hidden, PDOS.size),
            )
            for _ in range(2)
        )

    def forward(self, x: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        x = torch.cat([x.flatten(1), told], 1)
        return torch.stack([self.s(x), self.p(x)], 1)


class Ours(nn.Module):
    """The three convolutions of our network."""

    def __init__(self, channels=(16, 32, 32)):
        super().__init__()
        sizes = (1, *channels)
        self.body = nn.Sequential(
            *(layer for a, b in itertools.pairwise(sizes) for layer in (nn.Conv1d(a, b, 7, 2), nn.ReLU()))
        )
        self.head = Dense(self.body(torch.zeros(1, 1, SPECTRUM.size)).numel())

    def forward(self, x: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x[:, None]), told)


class MultiScale(nn.Module):
    """Kernels of 0.5, 1.5 and 4.5 eV side by side."""

    def __init__(self):
        super().__init__()
        self.first = nn.ModuleList(nn.Conv1d(1, 12, k, 2, k // 2) for k in (5, 15, 45))
        self.second = nn.ModuleList(nn.Conv1d(36, 12, k, 2, k // 2) for k in (3, 9, 27))
        self.head = Dense(36 * 50)

    def forward(self, x: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        x = torch.cat([layer(x[:, None]) for layer in self.first], 1).relu()
        return self.head(torch.cat([layer(x) for layer in self.second], 1).relu(), told)


class Block(nn.Module):
    """Two convolutions and their input."""

    def __init__(self, channels: int):
        super().__init__()
        self.a, self.b = (nn.Conv1d(channels, channels, 5, padding=2) for _ in range(2))
        self.norm = nn.GroupNorm(4, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.b(self.a(self.norm(x)).relu())


class ResNet(nn.Module):
    """Residual blocks, halved three times."""

    def __init__(self, channels: int = 32):
        super().__init__()
        layers: list[nn.Module] = [nn.Conv1d(1, channels, 7, 2, 3)]
        for _ in range(2):
            layers += [Block(channels), nn.Conv1d(channels, channels, 3, 2, 1), nn.ReLU()]
        self.body = nn.Sequential(*layers, Block(channels))
        self.head = Dense(channels * 25)

    def forward(self, x: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x[:, None]), told)


class UNet(nn.Module):
    """Spectrum and densities of states on one energy axis, -15 to 25 eV, with skip connections and a dense floor."""

    def __init__(self, width: int = 16):
        super().__init__()
        self.size, self.floor_shape = 400, (2 * width, 50)
        sizes = ((2, width), (width, 2 * width), (2 * width, 2 * width))
        self.down = nn.ModuleList(nn.Conv1d(a, b, 7, 2, 3) for a, b in sizes)
        self.floor = Perceptron.layers(100 * width + CONDITIONS, 64, 100 * width)
        sizes = ((4 * width, 2 * width), (4 * width, width), (2 * width, width), (width + 2, width))
        self.up = nn.ModuleList(nn.Conv1d(a, b, 7, padding=3) for a, b in sizes)
        self.last = nn.Conv1d(width, 2, 7, padding=3)

    def forward(self, x: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        placed = x.new_zeros(len(x), 2, self.size)
        placed[:, :, _FIRST : _FIRST + SPECTRUM.size] = torch.stack([x, torch.ones_like(x)], 1)
        levels = [placed]
        for layer in self.down:
            levels.append(layer(levels[-1]).relu())
        x = self.floor(torch.cat([levels[-1].flatten(1), told], 1)).relu().unflatten(1, self.floor_shape)
        for layer, skip in zip(self.up, levels[::-1], strict=True):
            x = nn.functional.interpolate(x, skip.shape[-1])
            x = layer(torch.cat([x, skip], 1)).relu()
        return self.last(x)[:, :, : PDOS.size]


class Attention(nn.Module):
    """Pieces of 1 eV attend to each other."""

    def __init__(self, width: int = 48):
        super().__init__()
        self.embed = nn.Linear(10, width)
        self.position = nn.Parameter(torch.randn(20, width) * 0.1)
        layer = nn.TransformerEncoderLayer(width, 4, 96, 0.1, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = Dense(20 * width)

    def forward(self, x: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(self.embed(x.reshape(-1, 20, 10)) + self.position), told)


class Perceptron(nn.Module):
    """Two hidden layers of 160 and 120, as published for carbon (doi:10.1021/acs.jpclett.3c00142), wider at will."""

    def __init__(self, first: int = 160, second: int = 120):
        super().__init__()
        self.body = self.layers(SPECTRUM.size + CONDITIONS, first, second, _OUTPUTS)

    @staticmethod
    def layers(*sizes: int) -> nn.Sequential:
        """Linear layers of these sizes, with rectifiers and dropout between them."""
        made: list[nn.Module] = [nn.Linear(sizes[0], sizes[1])]
        for a, b in itertools.pairwise(sizes[1:]):
            made += [nn.ReLU(), nn.Dropout(0.27), nn.Linear(a, b)]
        return nn.Sequential(*made)

    def forward(self, x: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        return self.body(torch.cat([x, told], 1)).reshape(-1, 2, PDOS.size)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A network and how it is trained."""

    build: Callable[[], nn.Module]
    mixed: int = 2  # largest number of sites that a training spectrum is mixed from
    share: float = 0.5  # of the training spectra that are mixed
    pretrain: float = 0.0  # share of the epochs with mixtures of eight only
    slope: float = 0.0  # weight of the error of the derivative
    correction: bool = False  # predict what is to be added to the kernel regression
    distilled: float = 0.0  # share of the kernel regression's estimate, which does not know the site, in what is learnt
    members: int = 4


TRIALS = {
    "ours": Trial(build=Ours),
    "ours, 16 members": Trial(build=Ours, members=16),
    "ours, mixtures of up to 8": Trial(build=Ours, mixed=8, share=0.8),
    "ours, pre-trained on mixtures": Trial(build=Ours, pretrain=0.5),
    "ours, loss of derivatives": Trial(build=Ours, slope=1.0),
    "correction to the regression": Trial(build=Ours, correction=True),
    "distilled from the regression": Trial(build=Ours, distilled=0.5),
    "multi-scale kernels": Trial(build=MultiScale),
    "residual network": Trial(build=ResNet),
    "U-Net": Trial(build=UNet),
    "attention": Trial(build=Attention),
    "perceptron (160, 120)": Trial(build=Perceptron),
    "perceptron (512, 256)": Trial(build=lambda: Perceptron(512, 256)),
    "perceptron, mixtures of up to 8": Trial(build=Perceptron, mixed=8, share=0.8),
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """k spectra: at mean 1, then what is told of the recording; the truth, and what the regression says of them."""

    x: torch.Tensor  # (k, 205)
    y: torch.Tensor  # (k, 2, 300) in units of PDOS_SCALE
    regression: torch.Tensor  # (k, 2, 300) of a fit that does not know their sites

    def rows(self, chosen: np.ndarray) -> Part:
        rows = torch.tensor(np.flatnonzero(chosen))
        return Part(x=self.x[rows], y=self.y[rows], regression=self.regression[rows])


@dataclass(frozen=True, kw_only=True)
class Data:
    """A split dataset: spectra to train on, and fixed ones of every fold and of the external set."""

    draw: Callable[[int], torch.Tensor]  # (variants, n, 205) of an epoch
    noise: float  # to be added to them
    y: torch.Tensor  # (n, 2, 300)
    left_out: torch.Tensor  # (n, 2, 300) the regression without the site's own fold
    fold: np.ndarray  # (n,)
    held: dict[int, Part]  # of each fold
    external: Part


def prepare(dataset: Dataset, external: Dataset, seed: int, measured: bool) -> Data:
    fold = split.folds(dataset.groups, "grouped", seed)
    numbers = (*split.VALIDATION_FOLDS, split.TEST)
    source, outside = (sampler(each, Settings(measured=measured, seed=seed)) for each in (dataset, external))
    known = source.held_out.of_sites(fold != split.TEST)
    pdos, known_fold = dataset.pdos[fold != split.TEST], fold[fold != split.TEST]
    regression = kernel_regression.fit(
        known.flat_spectra, known.flat_copies(pdos.reshape(len(pdos), -1)), known.flat_copies(known_fold), numbers
    )

    def part(variants: SpectrumVariants, truth: np.ndarray, number: int) -> Part:
        estimate = kernel_regression.predict(regression, variants.flat_spectra, [number])[0][0]
        return Part(x=told(variants).flatten(0, 1), y=scaled(variants.flat_copies(truth)), regression=scaled(estimate))

    held = {n: part(source.held_out.of_sites(fold == n), dataset.pdos[fold == n], n) for n in numbers}
    left_out = torch.empty(len(fold), 2, PDOS.size)
    for number, each in held.items():
        estimates = each.regression.unflatten(0, (-1, int((fold == number).sum())))
        left_out[torch.tensor(fold == number)] = estimates.mean(0)
    return Data(
        draw=lru_cache(maxsize=1)(lambda epoch: told(source.draw(epoch))),
        noise=source.draw(0).noise,
        y=scaled(dataset.pdos),
        left_out=left_out,
        fold=fold,
        held=held,
        external=part(outside.held_out, external.pdos, split.TEST),
    )


def told(variants: SpectrumVariants) -> torch.Tensor:
    """Spectra at mean 1 and what is told of them (variants, n, 205)."""
    spectra = variants.spectra / variants.spectra.mean(axis=-1, keepdims=True)
    return torch.tensor(np.concatenate([spectra, variants.resolution], axis=-1), dtype=torch.float32)


def scaled(pdos: np.ndarray) -> torch.Tensor:
    return torch.tensor(pdos / PDOS_SCALE, dtype=torch.float32)


def mixtures(rows: torch.Tensor, most: int, share: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Sites (B, most) of each training spectrum and their shares (B, most)."""
    partners = rows[torch.randint(len(rows), (len(rows), most - 1))]
    sites = torch.cat([rows[:, None], partners], 1)
    weights = torch.distributions.Dirichlet(torch.ones(most)).sample((len(rows),))
    pure = torch.rand(len(rows)) >= share
    weights[pure] = torch.eye(most)[0]
    return sites, weights


def trained(trial: Trial, data: Data, member: int, epochs: int) -> nn.Module:
    """A network at its lowest validation error."""
    torch.manual_seed(member)
    validation = split.VALIDATION_FOLDS[member % 4]
    rows = torch.tensor(np.flatnonzero((data.fold != split.TEST) & (data.fold != validation)))
    learnt = data.y + trial.distilled * (data.left_out - data.y)
    held, first = data.held[validation], data.draw(0)[:, rows].flatten(0, 1)[:, : SPECTRUM.size]
    network = trial.build()
    level = torch.zeros(2, PDOS.size) if trial.correction else inverse_softplus(data.y[rows].mean(0))
    network.register_parameter("level", nn.Parameter(level))
    network.register_buffer("mean", first.mean(0))
    network.register_buffer("std", (first - first.mean(0)).std())
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    best, state = np.inf, network.state_dict()
    for epoch in range(epochs):
        for group in optimizer.param_groups:
            group["lr"] = _RATE * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        most, share = (8, 1.0) if epoch < trial.pretrain * epochs else (trial.mixed, trial.share)
        spectra = data.draw(epoch)
        network.train()
        for batch in rows[torch.randperm(len(rows))].split(_BATCH):
            sites, weights = mixtures(batch, most, share)
            x = (spectra[torch.randint(len(spectra), sites.shape), sites] * weights[..., None]).sum(1)
            y = (learnt[sites] * weights[..., None, None]).sum(1)
            base = (data.left_out[sites] * weights[..., None, None]).sum(1) if trial.correction else None
            x[:, : SPECTRUM.size] += data.noise * x.amax(1, keepdim=True) * torch.randn(len(x), SPECTRUM.size)
            error = output(network, x, base) - y
            loss = error.square().mean() + trial.slope * 10 * error.diff(dim=-1).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        network.eval()
        mse = float((estimated(trial, network, held) - held.y).square().mean())
        if mse < best:
            best, state = mse, copy.deepcopy(network.state_dict())
    network.load_state_dict(state)
    return network.eval()


@torch.no_grad()
def estimated(trial: Trial, network: nn.Module, part: Part) -> torch.Tensor:
    return output(network, part.x, part.regression if trial.correction else None)


def output(network: nn.Module, x: torch.Tensor, base: torch.Tensor | None) -> torch.Tensor:
    spectra = (x[:, : SPECTRUM.size] - network.mean) / network.std
    raw = network(spectra, x[:, SPECTRUM.size :]) + network.level
    return nn.functional.softplus(raw) if base is None else (base + raw).clip(0)


def inverse_softplus(level: torch.Tensor) -> torch.Tensor:
    return level.clip(1e-2) + torch.log(-torch.expm1(-level.clip(1e-2)))


def scores(trial: Trial, data: Data, epochs: int) -> list[float]:
    """Errors on the test part and the external set, alone and stacked, and the weight of the regression."""
    parts = {"test": data.held[split.TEST], "external": data.external}
    mean = {name: torch.zeros_like(part.y) for name, part in parts.items()}
    product = square = 0.0
    for member in range(trial.members):
        network = trained(trial, data, member, epochs)
        for name, part in parts.items():
            mean[name] += estimated(trial, network, part) / trial.members
        held = data.held[split.VALIDATION_FOLDS[member % 4]]
        own = estimated(trial, network, held)
        product += float(((held.regression - own) * (held.y - own)).sum())
        square += float((held.regression - own).square().sum())
    weight = min(max(product / square, 0.0), 1.0)
    found = []
    for name, part in parts.items():
        found += [_mse(mean[name], part.y), _mse(mean[name] + weight * (part.regression - mean[name]), part.y)]
    return [*found, weight]


def _mse(estimate: torch.Tensor, truth: torch.Tensor) -> float:
    """In 1e-3 (states/eV)^2."""
    return float((estimate - truth).square().mean()) * PDOS_SCALE**2 * 1e3


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--measured", action="store_true", help="simulated measurements")
    options.add_argument("--dataset", help="the embedded one by default")
    options.add_argument("--external")
    options.add_argument("--seeds", type=int, default=1)
    options.add_argument("--epochs", type=int, default=80)
    options.add_argument("--only", nargs="*", choices=TRIALS, default=list(TRIALS))
    chosen = options.parse_args()
    dataset = asked_for(chosen.dataset, 0.5)
    external = asked_for(chosen.external, 0.5, resources.EXTERNAL)
    splits = [prepare(dataset, external, seed, chosen.measured) for seed in range(chosen.seeds)]
    print(f"{len(dataset)} sites of {len(set(dataset.groups))} families, {chosen.seeds} seeds, {chosen.epochs} epochs")
    print("| | test | stacked | external | stacked | weight of the regression | s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    ends = [(data.held[split.TEST], data.external) for data in splits]
    test, outside = np.mean([[_mse(part.regression, part.y) for part in parts] for parts in ends], axis=0)
    print(f"| kernel regression | {test:.3f} | | {outside:.3f} | | 1 | |", flush=True)
    for name in chosen.only:
        start = time.perf_counter()
        found = np.mean([scores(TRIALS[name], data, chosen.epochs) for data in splits], axis=0)
        seconds = time.perf_counter() - start
        print(f"| {name} | " + " | ".join(f"{v:.3f}" for v in found) + f" | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
