"""Checkpoints: what an interrupted training continues from."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch

from sikpdos.common import npz
from sikpdos.common.errors import SikpdosError
from sikpdos.dataset.dataset import Dataset
from sikpdos.model.optimization import Progress, State
from sikpdos.model.settings import Settings

SCHEMA = "sikpdos-checkpoint-1"
_MOMENTS = {"exp_avg": "m1", "exp_avg_sq": "m2", "step": "n"}  # of AdamW -> prefix of the arrays


def digest(dataset: Dataset, settings: Settings, training: np.ndarray) -> str:
    """What a checkpoint belongs to: SHA-256 of the data, the settings, and the training parts (members, n)."""
    content = b"".join(np.ascontiguousarray(array).tobytes() for array in (dataset.spectra, dataset.pdos, training))
    return hashlib.sha256(repr(settings).encode() + content).hexdigest()


def write_checkpoint(path: str, state: State, digest: str) -> None:
    """Write the state of a training to an NPZ."""
    tensors: dict[str, torch.Tensor] = {}
    for name, weight in state.weights.items():
        moments = state.optimizer.state[weight]
        tensors |= {f"w_{name}": weight, f"best_{name}": state.best[name]}
        tensors |= {f"{prefix}_{name}": moments[key] for key, prefix in _MOMENTS.items()}
    arrays = {"best_mse": state.best_mse, "best_epoch": state.best_epoch, "epoch": np.array(state.epoch)}
    arrays["errors"] = np.array([[done.training_mse, done.validation_mse] for done in state.history])
    arrays |= {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
    npz.write(path, arrays, {**npz.provenance(SCHEMA), "digest": digest})


def restore(path: str, state: State, settings: Settings, digest: str) -> None:
    """Continue from a checkpoint, if there is one. Raises SikpdosError for one of other data or settings, or damage."""
    if not Path(path).exists():
        return
    arrays, meta = npz.read(path, SCHEMA)
    if meta.get("digest") != digest:
        raise SikpdosError("belongs to a training on other data or settings; remove it to start anew", path)
    _check(arrays, state, path)
    state.best_mse, state.best_epoch, state.epoch = arrays["best_mse"], arrays["best_epoch"], int(arrays["epoch"])
    for number, (training_mse, validation_mse) in enumerate(arrays["errors"].tolist(), 1):
        state.history.append(
            Progress(epoch=number, epochs=settings.epochs, training_mse=training_mse, validation_mse=validation_mse)
        )
    for name, weight in state.weights.items():
        weight.data.copy_(torch.tensor(arrays[f"w_{name}"]))
        state.best[name].copy_(torch.tensor(arrays[f"best_{name}"]))
        moments = {key: torch.tensor(arrays[f"{prefix}_{name}"]) for key, prefix in _MOMENTS.items()}
        state.optimizer.state[weight] = {
            key: moment if key == "step" else moment.to(weight.device) for key, moment in moments.items()
        }


def _check(arrays: dict[str, np.ndarray], state: State, path: str) -> None:
    """Raise SikpdosError where a checkpoint lacks what the state holds."""
    npz.require(arrays, path, epoch=())
    members = state.best_mse.shape
    npz.require(arrays, path, best_mse=members, best_epoch=members, errors=(int(arrays["epoch"]), 2))
    for name, weight in state.weights.items():
        shape = tuple(weight.shape)
        npz.require(arrays, path, **{f"{prefix}_{name}": shape for prefix in ("w", "best", "m1", "m2")})
        npz.require(arrays, path, **{f"n_{name}": ()})
