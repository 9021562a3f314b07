"""The settings of a training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.model.network import Architecture, weight_shapes


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that decides a training; the names are those of the configuration file."""

    split: str = "grouped"  # or "random"
    seed: int = 0
    test_groups: tuple[str, ...] = ()  # groups (families of structures) put in the test part
    members: int = 8  # of the ensemble; member i validates on fold 1 + i mod 4
    epochs: int = 150
    patience: int = 60  # epochs without a better validation error of any member
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    dropout: float = 0.2
    mixup: float = 0.5  # share of training spectra that are mixed from two sites', like their densities of states
    noise: float = 0.1  # standard deviation added to clean spectra in training (their maximum is 1)
    channels: tuple[int, ...] = (16, 32, 32)
    hidden: int = 64
    measured: bool = False  # train on simulated measurements instead of clean spectra
    sigma_eV: tuple[float, float] = (0.4, 1.5)  # their resolution, from and to
    counts: tuple[float, float] = (1e2, 1e6)  # their counts per channel at the edge, from and to

    def architecture(self) -> Architecture:
        return Architecture(channels=self.channels, hidden=self.hidden, resolution_input=self.measured)


_MOST = {"members": 1000, "epochs": 10**6, "batch": 10**6, "hidden": 10**4}  # more would fill any memory


def check(settings: Settings) -> None:
    """Raise SikpdosError for settings that cannot work."""
    if not 0 <= settings.seed < 2**32:
        raise SikpdosError(f"setting 'seed' must be in [0, {2**32 - 1}], is {settings.seed}")
    for name, most in _MOST.items():
        if getattr(settings, name) > most:
            raise SikpdosError(f"setting '{name}' must be at most {most}, is {getattr(settings, name)}")
    for name in ("members", "epochs", "patience", "batch", "hidden", "learning_rate"):
        if not 0 < getattr(settings, name) < np.inf:
            raise SikpdosError(f"setting '{name}' must be positive, is {getattr(settings, name)}")
    for name, largest in {"dropout": 0.99, "mixup": 1.0, "noise": np.inf, "weight_decay": np.inf}.items():
        if not 0 <= getattr(settings, name) <= largest:
            raise SikpdosError(f"setting '{name}' must be in [0, {largest:g}], is {getattr(settings, name)}")
    for name in ("sigma_eV", "counts"):
        limits = getattr(settings, name)
        if len(limits) != 2 or not 0 < limits[0] <= limits[1] < np.inf:
            raise SikpdosError(f"setting '{name}' must be two increasing positive numbers, is {list(limits)}")
    if max(settings.channels, default=0) > _MOST["hidden"]:
        raise SikpdosError(f"setting 'channels' must be at most {_MOST['hidden']} each, is {list(settings.channels)}")
    if not settings.channels or min(min(shape) for shape in weight_shapes(settings.architecture()).values()) < 1:
        raise SikpdosError(f"setting 'channels' must be a few positive numbers, is {list(settings.channels)}")
