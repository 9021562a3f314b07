"""sikpdos: the ground-state s and p density of states of a silicon atom from its Si K-edge.

    import sikpdos
    model = sikpdos.load_model("measured")
    result = sikpdos.predict(energy_eV, intensity, model=model, sigma_eV=1.2, smooth=(40, 3))

The names below are imported when they are first used, so that `import sikpdos` itself costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sikpdos.common.version import __version__

__all__ = [
    "Corrections",
    "DensityMaps",
    "Model",
    "Prediction",
    "SikpdosError",
    "Simulation",
    "SpectrumSet",
    "__version__",
    "load_model",
    "predict",
    "predict_map",
    "read_spectra",
    "simulate",
]

if TYPE_CHECKING:
    from sikpdos.api import (
        Corrections,
        DensityMaps,
        Model,
        Prediction,
        SikpdosError,
        Simulation,
        SpectrumSet,
        load_model,
        predict,
        predict_map,
        read_spectra,
        simulate,
    )


def __getattr__(name: str) -> Any:
    if name in __all__:
        from sikpdos import api

        return getattr(api, name)
    raise AttributeError(f"module 'sikpdos' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
