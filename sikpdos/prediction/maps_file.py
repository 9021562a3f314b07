"""Files of maps (NPZ, `sikpdos-maps-1`): densities of states, their uncertainty and what else is known, pixel by pixel.

Arrays of the shape of the image (y, x) or of a line (x): README.md of this room lists them.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sikpdos.common import files, npz
from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.formats.spectrum_set import NavigationAxis
from sikpdos.model.classification import likeliest
from sikpdos.prediction.maps import CAUSES, MapBlock, MapPlan
from sikpdos.spectra.settings import Preprocessing

if TYPE_CHECKING:
    from hyperspy.signal import BaseSignal

SCHEMA = "sikpdos-maps-1"
_CURVES = ("s", "p", "s_std", "p_std")
_SCALARS = ("onset_eV", "novelty", "mask", "intensity", "own_counts")
_PROBABILITY = "probability_"  # what the arrays of the material classes' probabilities begin with


@dataclass(frozen=True, kw_only=True, repr=False)
class DensityMaps:
    """s and p densities of states at every pixel of a spectrum image, states/eV/atom (both spins); NaN where masked.

    `shape` stands for the pixels, (y, x) or (x,). A band of +-1.645 standard deviations holds about 90 %.
    """

    energy_eV: np.ndarray  # (300,) -15 to 15 eV; 0 is the Fermi level, or the valence-band maximum of a gapped crystal
    s: np.ndarray  # (*shape, 300)
    p: np.ndarray  # (*shape, 300)
    s_std: np.ndarray  # (*shape, 300) standard deviation of s
    p_std: np.ndarray  # (*shape, 300)
    spectra: np.ndarray  # (*shape, 200) the edges as the model saw them: -1 to 19 eV around the onset, maximum 1
    onset_eV: np.ndarray  # (*shape) on the measurement's axis
    novelty: np.ndarray  # (*shape) over 1: unlike the spectra that the model was trained on
    mask: np.ndarray  # (*shape) 0: usable; else why not, the number of a text in `causes`
    intensity: np.ndarray  # (*shape) mean intensity of the pixel as measured
    own_counts: np.ndarray  # (*shape) with principal components: pixels that they do not describe, taken as measured
    navigation: tuple[NavigationAxis, ...]  # of the pixels, slowest first
    signal_energy_eV: np.ndarray  # (n,) energies of the channels used, on the measurement's axis
    meta: Mapping[str, Any]  # provenance: source, model, sigma_eV, what was done
    scree: np.ndarray | None = None  # (n,) variances of the principal components, if there were any
    class_probabilities: Mapping[str, np.ndarray] = field(default_factory=dict)  # (*shape) of each material class

    def __repr__(self) -> str:
        pixels = " x ".join(map(str, self.shape))
        return f"<DensityMaps of {pixels} pixels, {np.count_nonzero(self.mask)} masked: {self.meta['source']}>"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.mask.shape

    @property
    def causes(self) -> list[str]:
        """What the numbers in `mask` mean."""
        return list(self.meta["causes"])

    @property
    def simulated(self) -> bool:
        """Whether the image is known to be simulated."""
        return bool(self.meta["simulated"])

    @property
    def kind(self) -> np.ndarray:
        """The likeliest material class at every pixel (*shape), a text; empty where masked or where none is known."""
        if not self.class_probabilities:
            return np.full(self.shape, "")
        shares = np.stack(list(self.class_probabilities.values()), -1).reshape(self.mask.size, -1)
        named = likeliest(list(self.class_probabilities), np.nan_to_num(shares)).reshape(self.shape)
        return np.where(self.mask == 0, named, "")

    def to_hyperspy(self) -> dict[str, BaseSignal]:
        """As signals of HyperSpy, over the axes of the image.

        `s`, `p`, `s_std`, `p_std`: curves over E - E_F at every pixel. `novelty`, `onset_eV`, `mask`, `intensity`:
        images, or lines; `probability_elemental` and so on, where the model knows several classes. Raises
        SikpdosError without HyperSpy.
        """
        from sikpdos.prediction.hyperspy_signals import signals

        return signals(self)


def write_maps(path: str | os.PathLike, plan: MapPlan, blocks: Iterable[MapBlock], source: str) -> None:
    """Write maps as they come; memory does not grow with the image."""
    folder = Path(tempfile.gettempdir()) if str(path) == files.STDIO else Path(path).resolve().parent
    spool = npz.NpzStream(folder)
    with files.output(path) as stream:
        for block in blocks:
            spool.append(**arrays(block))
        spool.close_into(stream, _shared(plan), npz.provenance(SCHEMA, **described(plan, source)), plan.image.shape)


def collected(plan: MapPlan, blocks: Iterable[MapBlock], source: str) -> DensityMaps:
    """Maps in memory."""
    parts: dict[str, list[np.ndarray]] = {}
    for block in blocks:
        for key, values in arrays(block).items():
            parts.setdefault(key, []).append(values)
    joined = {key: np.concatenate(values) for key, values in parts.items()}
    shaped = {key: values.reshape(*plan.image.shape, *values.shape[1:]) for key, values in joined.items()}
    scree = None if plan.components is None else plan.components.variances
    of_classes = _class_probabilities(shaped)
    return DensityMaps(
        **{key: values for key, values in shaped.items() if not key.startswith(_PROBABILITY)},
        class_probabilities=of_classes,
        energy_eV=PDOS.energy_eV,
        navigation=plan.navigation,
        signal_energy_eV=plan.energy_eV,
        scree=scree,
        meta={"schema": SCHEMA, **described(plan, source)},
    )


def arrays(block: MapBlock) -> dict[str, np.ndarray]:
    """What a block holds, by the names of the arrays of a file of maps."""
    curves = (block.pdos[:, 0], block.pdos[:, 1], block.deviation[:, 0], block.deviation[:, 1])
    return {
        **dict(zip(_CURVES, curves, strict=True)),
        "spectra": block.spectra,
        **{key: getattr(block, key) for key in _SCALARS},
        **{f"{_PROBABILITY}{name}": block.class_probabilities[:, c] for c, name in enumerate(block.classes)},
    }


def _class_probabilities(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Of the arrays those of the classes' probabilities, by the names of the classes."""
    return {key.removeprefix(_PROBABILITY): array for key, array in arrays.items() if key.startswith(_PROBABILITY)}


def _shared(plan: MapPlan) -> dict[str, np.ndarray]:
    axes = plan.navigation
    scree = {} if plan.components is None else {"pca_variance": plan.components.variances}
    return scree | {
        "energy_eV": PDOS.energy_eV,
        "spectrum_energy_eV": SPECTRUM.energy_eV,
        "signal_energy_eV": plan.energy_eV,
        "navigation_names": np.array([axis.name for axis in axes]),
        "navigation_units": np.array([axis.units for axis in axes]),
        "navigation_scale": np.array([axis.scale for axis in axes]),
        "navigation_offset": np.array([axis.offset for axis in axes]),
    }


def described(plan: MapPlan, source: str) -> dict[str, Any]:
    """What was done, as meta data."""
    found = plan.components
    return {
        "source": source,
        "title": plan.image.title,
        "simulated": plan.simulated,
        "causes": list(CAUSES),
        "sigma_eV": plan.model.sigma_eV,
        "model": {key: plan.model.meta.get(key) for key in ("trained_on", "families", "onset_rule")},
        "material": plan.model.material,
        "preparation": _preparation(plan.preprocessing, plan),
        "pca": None if found is None else {"components": len(found.vectors), "noise": found.noise, "edge": found.edge},
        "units": {"energy": "eV", "pdos": "states/eV/atom, both spins"},
    }


def _preparation(done: Preprocessing, plan: MapPlan) -> dict[str, Any]:
    taken = plan.background
    return {
        "background": None if taken is None else [taken.law, *map(float, taken.window_eV)],
        "onset": done.onset,
        "smooth": done.smooth,
        "sigma_eV": done.sigma_eV,
        "broadening_eV": done.broadening_eV,
        "e0_shift_eV": done.corrections.e0_shift_eV,
        "remarks": list(plan.remarks),
    }


def read_maps(path: str | os.PathLike, data: bytes | None = None) -> DensityMaps:
    """Read a file of maps. Raises SikpdosError for another schema, or arrays that do not fit each other."""
    arrays, meta = npz.read(path, SCHEMA, data)
    if "mask" not in arrays or arrays["mask"].dtype.kind not in "iu" or arrays["mask"].ndim == 0:
        raise SikpdosError("array 'mask' is missing or misshapen", path)
    npz.require_meta(meta, path, causes=list, simulated=bool, sigma_eV=(int, float), title=str)
    shape = arrays["mask"].shape
    for key, size in {**dict.fromkeys(_CURVES, PDOS.size), "spectra": SPECTRUM.size}.items():
        _check(arrays, key, (*shape, size), path)
    of_classes = _class_probabilities(arrays)
    probabilities = [f"{_PROBABILITY}{name}" for name in of_classes]
    for key in (*_SCALARS, *probabilities):
        _check(arrays, key, shape, path)
    usable = arrays["mask"] == 0
    for key in (*_CURVES, "novelty", "onset_eV", *probabilities):
        if not np.isfinite(arrays[key][usable]).all():
            raise SikpdosError(f"array '{key}' holds NaN or infinity at usable pixels", path)
    return DensityMaps(
        **{key: arrays[key] for key in (*_CURVES, "spectra", *_SCALARS)},
        class_probabilities=of_classes,
        energy_eV=PDOS.energy_eV,
        navigation=tuple(_axes(arrays, shape, path)),
        signal_energy_eV=arrays.get("signal_energy_eV", np.empty(0)),
        meta=meta,
        scree=arrays.get("pca_variance"),
    )


def _check(arrays: Mapping[str, np.ndarray], key: str, shape: tuple[int, ...], path: str | os.PathLike) -> None:
    if key not in arrays or arrays[key].shape != shape or arrays[key].dtype.kind not in "fiub":
        raise SikpdosError(f"array '{key}' is missing or misshapen", path)


def _axes(arrays: Mapping[str, np.ndarray], shape: Sequence[int], path: str | os.PathLike) -> Iterator[NavigationAxis]:
    columns = {key: arrays.get(f"navigation_{key}", np.empty(0)) for key in ("names", "scale", "offset", "units")}
    if any(column.shape != (len(shape),) for column in columns.values()):
        raise SikpdosError("its navigation axes are missing or misshapen", path)
    names, scales, offsets, all_units = columns.values()
    for size, label, scale, offset, units in zip(shape, names, scales, offsets, all_units, strict=True):
        yield NavigationAxis(str(label), size, float(scale), float(offset), str(units))
