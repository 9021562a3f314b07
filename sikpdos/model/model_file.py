"""Model files: NPZ with the arrays of a model, and the model card as meta data."""

from __future__ import annotations

import os
from dataclasses import asdict, replace

import numpy as np

from sikpdos.common import config, npz
from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.dataset import split
from sikpdos.model.classification import ELEMENTAL, Classifier
from sikpdos.model.difficulty import Difficulty
from sikpdos.model.ensemble import REGRESSION_FOLDS, Ensemble
from sikpdos.model.kernel_regression import Embedding, KernelRegression
from sikpdos.model.mixture import Expert, Model
from sikpdos.model.network import CONDITIONS, Architecture, weight_shapes
from sikpdos.model.outliers import OutlierModel
from sikpdos.model.uncertainty import Uncertainty

SCHEMA = "sikpdos-model-1"
_CARD: dict[str, type | tuple[type, ...]] = {  # what every model card must have
    "sigma_eV": (int, float),
    "lorentz_fwhm_eV": (int, float),
    "families": int,
    "onset_rule": str,
    "trained_on": str,
    "settings": dict,
    "split": dict,
    "architecture": dict,
}
_STORED = np.float16  # of the networks' weights: half the file, for changes far below the error of any estimate
_PREFIXES = ("", "compounds_")  # of the arrays of each expert
_TOLD = "told_"  # of those of an expert whose material class is known
_OUTLIER_ARRAYS = {  # field -> name in the file
    "mean": "known_mean",
    "components": "known_components",
    "score_std": "known_deviation",
    "noise_steps": "known_noise_steps",
    "largest_noise": "known_noisiest",
    "limits": "known_limits",
}
_REGRESSION_ARRAYS = {
    "spectrum_mean": "kernel_centre",
    "spectrum_components": "kernel_components",
    "spectrum_scores": "kernel_rows",
    "length_scales": "kernel_lengths",
    "alpha": "kernel_alpha",
    "pdos_mean": "kernel_mean",
    "pdos_components": "kernel_basis",
}
_DIFFICULTY_ARRAYS = {
    "mean": "hard_mean",
    "components": "hard_components",
    "rows": "hard_rows",
    "weights": "hard_weights",
    "usual": "hard_usual",
}
_EMBEDDING_ARRAYS = {  # of the classifier
    "spectrum_mean": "class_centre",
    "spectrum_components": "class_components",
    "spectrum_scores": "class_rows",
}
_CLASSIFIER_ARRAYS = {
    "alpha": "class_alpha",
    "length_scale": "class_length",
    "sharpness": "class_sharpness",
    "kind_sharpness": "class_kind_sharpness",
    "shift_eV": "class_shift_eV",
    "shift_std_eV": "class_shift_std_eV",
}
_UNCERTAINTY_ARRAYS = {
    "floor": "error_floor",
    "distance": "error_distance",
    "power": "error_power",
    "factor": "error_factor",
}


def write_model(path: str | os.PathLike, model: Model) -> None:
    """Write a model; its card gets the architecture."""
    arrays = _classifier_arrays(model.classifier)
    for prefix, expert in zip(_PREFIXES, model.experts, strict=False):
        arrays |= {prefix + name: array for name, array in _expert_arrays(expert).items()}
    npz.write(path, arrays, {**model.meta, "architecture": asdict(model.architecture)})


def _expert_arrays(expert: Expert) -> dict[str, np.ndarray]:
    ensemble = expert.ensemble
    arrays = {
        **{name: weight.astype(_STORED) for name, weight in ensemble.weights.items()},
        **{file: getattr(expert.outlier_model, name) for name, file in _OUTLIER_ARRAYS.items()},
        **{file: getattr(ensemble.regression, name) for name, file in _REGRESSION_ARRAYS.items()},
        **_calibration_arrays(expert),
        "input_mean": ensemble.input_mean,
        "input_deviation": np.float32(ensemble.input_std),
        "kernel_left_out": ensemble.regression.left_out,
        "member_fold": ensemble.member_fold,
    }
    if ensemble.regression.material is not None:
        arrays["kernel_material"] = ensemble.regression.material.astype(np.uint8)
    if expert.when_told is not None:
        arrays |= {_TOLD + name: array for name, array in _calibration_arrays(expert.when_told).items()}
    return arrays


def _calibration_arrays(expert: Expert) -> dict[str, np.ndarray]:
    uncertainty = {file: getattr(expert.uncertainty, name) for name, file in _UNCERTAINTY_ARRAYS.items()}
    if (difficulty := expert.uncertainty.difficulty) is not None:
        uncertainty |= {file: getattr(difficulty, name) for name, file in _DIFFICULTY_ARRAYS.items()}
    return {
        name: np.asarray(value, np.float32)
        for name, value in {"kernel_share": expert.stacking_weight, **uncertainty}.items()
    }


def read_model(path: str | os.PathLike, data: bytes | None = None) -> Model:
    """Read and check a model. Raises SikpdosError for another schema, grid, or misshapen weights."""
    arrays, meta = npz.read(path, SCHEMA, data)
    npz.require_meta(meta, path, **_CARD)
    classifier = _classifier(arrays, path)
    classes = () if classifier is None else classifier.classes
    experts = [_expert(arrays, meta, classes, path)]
    if of_compounds := _of_prefix(arrays, _PREFIXES[1]):
        if ELEMENTAL not in classes:
            raise SikpdosError(f"two experts, but no class '{ELEMENTAL}' that tells which to ask", path)
        experts.append(_expert(of_compounds, meta, classes, path))
    return Model(experts=tuple(experts), meta=meta, classifier=classifier)


def _of_prefix(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _expert(arrays: dict[str, np.ndarray], meta: dict, classes: tuple[str, ...], path: str | os.PathLike) -> Expert:
    expert = Expert(
        ensemble=_ensemble(arrays, meta, len(classes), path),
        outlier_model=_outlier_model(arrays, path),
        stacking_weight=_stacking_weight(arrays, path),
        uncertainty=_uncertainty(arrays, path),
    )
    if not (told := _of_prefix(arrays, _TOLD)):
        return expert
    when_told = replace(expert, stacking_weight=_stacking_weight(told, path), uncertainty=_uncertainty(told, path))
    return replace(expert, when_told=when_told)


def _stacking_weight(arrays: dict[str, np.ndarray], path: str | os.PathLike) -> float:
    if "kernel_share" not in arrays:
        raise SikpdosError("array 'kernel_share' is missing: damaged, or of an earlier version; train it again", path)
    npz.require(arrays, path, kernel_share=())
    return float(arrays["kernel_share"])


def _classifier_arrays(classifier: Classifier | None) -> dict[str, np.ndarray]:
    if classifier is None:
        return {}
    return {
        "classes": np.array(classifier.classes),
        **{file: np.asarray(getattr(classifier, name), np.float32) for name, file in _CLASSIFIER_ARRAYS.items()},
        **{file: getattr(classifier.known, name) for name, file in _EMBEDDING_ARRAYS.items()},
    }


def _classifier(arrays: dict[str, np.ndarray], path: str | os.PathLike) -> Classifier | None:
    """None in a file without classes."""
    if "classes" not in arrays:
        return None
    n, c = npz.length(arrays, path, "class_rows"), npz.length(arrays, path, "classes")
    inputs = arrays["class_rows"].shape[1] if arrays["class_rows"].ndim == 2 else None
    npz.require(arrays, path, class_centre=(SPECTRUM.size,), class_components=(SPECTRUM.size, inputs))
    npz.require(arrays, path, class_rows=(n, inputs))
    npz.require(arrays, path, classes=(c,), class_alpha=(n, c), class_shift_eV=(c,), class_shift_std_eV=(c,))
    npz.require(arrays, path, class_length=(), class_sharpness=(), class_kind_sharpness=())
    if not float(arrays["class_length"]) > 0:
        raise SikpdosError("array 'class_length' must be positive", path)
    return Classifier(
        classes=tuple(arrays["classes"].tolist()),
        known=Embedding(**{name: arrays[file] for name, file in _EMBEDDING_ARRAYS.items()}),
        alpha=arrays["class_alpha"],
        length_scale=float(arrays["class_length"]),
        sharpness=float(arrays["class_sharpness"]),
        kind_sharpness=float(arrays["class_kind_sharpness"]),
        shift_eV=arrays["class_shift_eV"],
        shift_std_eV=arrays["class_shift_std_eV"],
    )


def _ensemble(arrays: dict[str, np.ndarray], meta: dict, classes: int, path: str | os.PathLike) -> Ensemble:
    architecture, shapes = _architecture(meta, path)
    members = npz.length(arrays, path, "s_out_b")
    _refuse_earlier(arrays, shapes, path)
    npz.require(arrays, path, **{name: (members, *shape) for name, shape in shapes.items()})
    npz.require(arrays, path, input_mean=(SPECTRUM.size,), input_deviation=())
    return Ensemble(
        architecture=architecture,
        weights={name: arrays[name].astype(np.float32) for name in shapes},
        member_fold=_folds(arrays, path, "member_fold", split.member_folds(members)),
        input_mean=arrays["input_mean"],
        input_std=float(arrays["input_deviation"]),
        regression=_regression(arrays, classes, path),
    )


def _refuse_earlier(arrays: dict[str, np.ndarray], shapes: dict[str, tuple], path: str | os.PathLike) -> None:
    """Raise SikpdosError for a model of measured spectra whose network is told less of how they were recorded."""
    features, hidden = shapes["s_hidden_w"]
    found = arrays["s_hidden_w"].shape[1:] if "s_hidden_w" in arrays else ()
    if len(found) == 2 and features - CONDITIONS <= found[0] < features and found[1] == hidden:
        raise SikpdosError(
            "trained with --measured by an earlier version, whose networks were not told EELS from XAS: "
            "train it again with this version, or take the shipped model 'measured'",
            path,
        )


def _architecture(meta: dict, path: str | os.PathLike) -> tuple[Architecture, dict[str, tuple[int, ...]]]:
    """The network's architecture and the shapes of its weights."""
    try:
        architecture = config.from_dict(Architecture, meta["architecture"])
        return architecture, weight_shapes(architecture)
    except (TypeError, ValueError, ZeroDivisionError, SikpdosError) as error:
        raise SikpdosError(f"architecture: {error}", path) from error


def _regression(arrays: dict[str, np.ndarray], classes: int, path: str | os.PathLike) -> KernelRegression:
    scores, outputs = arrays.get("kernel_rows"), npz.length(arrays, path, "kernel_lengths")
    n, inputs = scores.shape if scores is not None and scores.ndim == 2 else (None, None)
    npz.require(arrays, path, kernel_centre=(SPECTRUM.size,), kernel_components=(SPECTRUM.size, inputs))
    npz.require(arrays, path, kernel_rows=(n, inputs), kernel_lengths=(outputs,))
    npz.require(arrays, path, kernel_alpha=(len(REGRESSION_FOLDS), n, outputs))
    npz.require(arrays, path, kernel_mean=(2 * PDOS.size,), kernel_basis=(outputs, 2 * PDOS.size))
    left_out = _folds(arrays, path, "kernel_left_out", np.array(REGRESSION_FOLDS))
    if len(set(left_out.tolist())) < len(left_out):
        raise SikpdosError("array 'kernel_left_out' holds a fold twice", path)
    fields = {name: arrays[file] for name, file in _REGRESSION_ARRAYS.items()}
    material = arrays.get("kernel_material")
    if material is not None:
        npz.require(arrays, path, kernel_material=(n, classes))
    return KernelRegression(**fields, left_out=left_out, material=material)


def _folds(arrays: dict[str, np.ndarray], path: str | os.PathLike, name: str, usual: np.ndarray) -> np.ndarray:
    """An array of folds; files of earlier versions have none: theirs are the usual ones.

    Raises SikpdosError for folds that are not among the usual ones.
    """
    folds = arrays.get(name, usual)
    npz.require({name: folds}, path, **{name: usual.shape})
    if not np.isin(folds, usual).all():
        raise SikpdosError(f"array '{name}' holds folds that are not there", path)
    return folds.astype(int)


def _uncertainty(arrays: dict[str, np.ndarray], path: str | os.PathLike) -> Uncertainty:
    npz.require(arrays, path, error_floor=(2, PDOS.size), error_distance=(), error_power=(), error_factor=())
    numbers = {name: float(arrays[file]) for name, file in _UNCERTAINTY_ARRAYS.items() if name != "floor"}
    return Uncertainty(floor=arrays["error_floor"], **numbers, difficulty=_difficulty(arrays, path))


def _difficulty(arrays: dict[str, np.ndarray], path: str | os.PathLike) -> Difficulty | None:
    """None in a file of an earlier version."""
    if "hard_rows" not in arrays:
        return None
    n = npz.length(arrays, path, "hard_rows")
    k = arrays["hard_rows"].shape[1] if arrays["hard_rows"].ndim == 2 else None
    npz.require(arrays, path, hard_rows=(n, k), hard_weights=(n,), hard_usual=())
    npz.require(arrays, path, hard_mean=(2 * PDOS.size,), hard_components=(2 * PDOS.size, k))
    found = {name: arrays[file] for name, file in _DIFFICULTY_ARRAYS.items() if name != "usual"}
    return Difficulty(**found, usual=float(arrays["hard_usual"]))


def _outlier_model(arrays: dict[str, np.ndarray], path: str | os.PathLike) -> OutlierModel:
    k, classes = (npz.length(arrays, path, name) for name in ("known_components", "known_limits"))
    npz.require(arrays, path, known_mean=(SPECTRUM.size,), known_components=(k, SPECTRUM.size))
    npz.require(arrays, path, known_deviation=(k,), known_noise_steps=(classes - 1,), known_limits=(classes, 3))
    npz.require(arrays, path, known_noisiest=())
    fields = {name: arrays[file] for name, file in _OUTLIER_ARRAYS.items() if name != "largest_noise"}
    return OutlierModel(**fields, largest_noise=float(arrays["known_noisiest"]))
