"""Maps as HyperSpy's signals: their axes and metadata, as .hspy files and signals in memory have them."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS
from sikpdos.common.version import __version__
from sikpdos.formats.hyperspy import OURS
from sikpdos.formats.spectrum_set import NavigationAxis

if TYPE_CHECKING:
    from hyperspy.signal import BaseSignal

    from sikpdos.prediction.maps_file import DensityMaps

UNITS = "states/eV/atom"
CURVES = {"s": "s PDOS", "p": "p PDOS", "s_std": "s standard deviation", "p_std": "p standard deviation"}
SCALARS = {"novelty": "novelty", "onset_eV": "onset (eV)", "mask": "mask", "intensity": "intensity"}


def scalars(classes: Iterable[str]) -> dict[str, str]:
    """Arrays of one number a pixel, and their titles, of a model that knows these material classes."""
    return SCALARS | {f"probability_{name}": f"probability of {name}" for name in classes}


def signals(maps: DensityMaps) -> dict[str, BaseSignal]:
    """Each of CURVES over E - E_F, and an image (a line) of each of `scalars`. Raises SikpdosError without HyperSpy."""
    try:
        found = importlib.import_module("hyperspy.api").signals
    except ModuleNotFoundError as error:
        raise SikpdosError("HyperSpy is not installed: pip install 'sikpdos[hyperspy]'") from error
    kinds = (found.BaseSignal, found.Signal1D, found.Signal2D)
    values = {name: getattr(maps, name) for name in CURVES | SCALARS}
    values |= {f"probability_{name}": array for name, array in maps.class_probabilities.items()}
    result = {}
    for name, title in (CURVES | scalars(maps.class_probabilities)).items():
        described = axes(maps.navigation, name in CURVES)
        kind = kinds[sum(not axis["navigate"] for axis in described)]
        result[name] = kind(values[name], axes=described, metadata=metadata(title, maps.meta, name in CURVES))
    return result


def axes(navigation: Sequence[NavigationAxis], curve: bool) -> list[dict[str, Any]]:
    """Axes of a curve at every pixel, E - E_F the signal's; or of a number: the last two of the pixels the signal's."""
    if curve:
        energies = NavigationAxis("E - E_F", PDOS.size, PDOS.step_eV, PDOS.start_eV, "eV")
        return [*(_axis(axis, True) for axis in navigation), _axis(energies, False)]
    return [_axis(axis, index < len(navigation) - 2) for index, axis in enumerate(navigation)]


def _axis(axis: NavigationAxis, navigate: bool) -> dict[str, Any]:
    return {
        "_type": "UniformDataAxis",
        "name": axis.name,
        "size": axis.size,
        "scale": axis.scale,
        "offset": axis.offset,
        "units": axis.units or None,
        "navigate": navigate,
        "is_binned": False,
    }


def metadata(title: str, said: Mapping[str, Any], curve: bool) -> dict[str, Any]:
    """A signal's metadata: what it is, and of the maps' own what HyperSpy has no place for."""
    source = said["title"] or said["source"]
    flag = "SIMULATED " if said["simulated"] and "simulated" not in source.lower() else ""
    done = said["preparation"]
    return {
        "General": {"title": f"{title} of {flag}{source}"},
        "Signal": {"signal_type": "", **({"quantity": f"{title} ({UNITS})"} if curve else {})},
        OURS: {
            "version": __version__,
            "source": said["source"],
            "simulated": said["simulated"],
            "model": str(said["model"]["trained_on"]),
            "sigma_eV": float(said["sigma_eV"]),
            "background": str(done["background"]),
            "onset": str(done["onset"]),
            "remarks": "; ".join(done["remarks"]),
            "mask": ", ".join(f"{number} {cause}" for number, cause in enumerate(said["causes"])),
        },
    }
