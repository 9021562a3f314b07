"""Maps of a spectrum image as one HTML file that needs neither server nor network: the map, and what its pixels hold.

The page (maps_page.html) computes maps of energy windows itself, so curves travel with it: at every second energy, each
in 256 steps between its smallest and its largest value, about 560 bytes a pixel.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from html import escape
from importlib import resources
from typing import Any

import numpy as np

from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.model.uncertainty import BAND_90
from sikpdos.prediction.maps_file import DensityMaps

STRIDES = {"s": 2, "p": 2, "s_std": 6, "p_std": 6, "spectra": 2}  # energies are taken at every so many
LABELS = {"onset_eV": ("onset", "eV"), "novelty": ("novelty", ""), "intensity": ("mean intensity", "")}
WINDOW_EV = (0.0, 5.0)  # shown first


def page(maps: DensityMaps, name: str, window_eV: tuple[float, float] = WINDOW_EV) -> bytes:
    """The whole page, UTF-8. `name`: of the file, for its title."""
    flag = "SIMULATED: " if maps.simulated else ""
    title = f"{flag}{name}: density of states of silicon, pixel by pixel"
    data = json.dumps(_data(maps, title, window_eV), allow_nan=False).replace("<", "\\u003c")
    template = resources.files("sikpdos.plot").joinpath("maps_page.html").read_text("utf-8")
    return template.replace("@TITLE@", escape(title)).replace("@DATA@", data).encode()


def _data(maps: DensityMaps, title: str, window_eV: tuple[float, float]) -> dict[str, Any]:
    from matplotlib import colormaps

    labels, scalars = _scalars(maps)
    axes = maps.navigation
    y, x = (axes[0], axes[-1]) if len(axes) > 1 else (None, axes[-1])
    shape = (int(np.prod(maps.shape[:-1], dtype=int)), maps.shape[-1])
    scale = abs(x.scale) or 1.0
    return {
        "title": title,
        "note": _note(maps),
        "shape": shape,
        "line": y is None,
        "pixel": [abs(y.scale) or scale if y is not None and y.units == x.units else scale, scale],
        "unit": x.units if x.units and x.units != "<undefined>" else "",
        "window": window_eV,
        "band": BAND_90,
        "causes": maps.causes,
        "colours": np.rint(colormaps["viridis"](np.arange(256))[:, :3] * 255).astype(int).ravel().tolist(),
        "labels": labels,
        "mask": _text(maps.mask.astype(np.uint8)),
        "maps": {key: _text(_finite(values)) for key, values in scalars.items()},
        "curves": {key: _curve(maps, key) for key in STRIDES},
    }


def _scalars(maps: DensityMaps) -> tuple[dict[str, tuple[str, str]], dict[str, np.ndarray]]:
    """Labels (with units) and values of what is one number a pixel; of classes those that a pixel most likely is."""
    found = {f"probability_{name}": maps.class_probabilities[name] for name in np.unique(maps.kind) if name}
    labels = {key: (key.replace("probability_", "probability: "), "") for key in found}
    return LABELS | labels, {key: getattr(maps, key) for key in LABELS} | found


def _curve(maps: DensityMaps, key: str) -> dict[str, Any]:
    """Curves at every so many energies, each in 256 steps."""
    stride, axis = STRIDES[key], SPECTRUM if key == "spectra" else PDOS
    energy_eV = axis.energy_eV[::stride]
    values = _finite(getattr(maps, key)).reshape(-1, axis.size)[:, ::stride]
    low, span = values.min(axis=1), np.ptp(values, axis=1)
    steps = np.rint((values - low[:, None]) * (255 / np.where(span > 0, span, 1))[:, None]).astype(np.uint8)
    return {
        "n": len(energy_eV),
        "start": float(energy_eV[0]),
        "step": float(energy_eV[1] - energy_eV[0]),
        "low": _text(low.astype(np.float32)),
        "span": _text(span.astype(np.float32)),
        "values": _text(steps),
    }


def _finite(values: np.ndarray) -> np.ndarray:
    """Without the NaN of masked pixels, which the page leaves out by the mask."""
    return np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def _text(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()).decode()


def _note(maps: DensityMaps) -> str:
    counts = Counter(maps.mask[maps.mask > 0].tolist())
    masked = ", ".join(f"{n} {maps.causes[cause]}" for cause, n in counts.most_common())
    size = f"{maps.mask.size} pixel{'s' * (maps.mask.size > 1)}"
    return f"{size}; grey ones are masked ({masked})." if masked else f"{size}."
