"""What a prediction tells its user on stderr."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from sikpdos.common import files
from sikpdos.common.constants import SI_K_EDGE_EV
from sikpdos.common.grid import SPECTRUM
from sikpdos.model.classification import ELEMENTAL
from sikpdos.model.mixture import Model
from sikpdos.prediction.predict import SHIFT_EV, Predicted
from sikpdos.spectra.background import Background
from sikpdos.spectra.settings import Preprocessing

_ABSOLUTE_EV = 100.0  # onsets above are energy losses or photon energies, below they are relative
_ANOTHER_EDGE_EV = 15.0  # from elemental silicon's edge: no chemical shift, nor a usual error of the energy zero
_TOLD = 0.05  # probability from which on a class is named
_SHIFTED_EV = 3.5  # oxidised silicon lies 5 to 8 eV higher; errors of the energy zero up to here are common


def describe(path: str, model: Model, predicted: Predicted) -> Iterator[str]:
    """Lines about one file: preparation, model, warnings."""
    name = files.display_name(path)
    if predicted.preprocessing is not None:
        onset_eV = predicted.onset_eV
        done = steps(predicted.preprocessing, predicted.background)
        for step in (*done, *predicted.remarks, _onset(predicted.preprocessing, onset_eV)):
            yield f"{name}: {step}"
        yield from _displaced(name, onset_eV[onset_eV > _ABSOLUTE_EV], model.classes)
    if np.isfinite(predicted.sensitivity).all():
        change = predicted.sensitivity.max()
        yield f"{name}: an onset {SHIFT_EV} eV off would change the result by {change:.3g} states/eV rms"
    sigma = "any resolution" if model.architecture.resolution_input else f"sigma {model.sigma_eV:g} eV"
    yield (
        f"{name}: model trained on {model.meta['trained_on']} ({sigma}) of {model.meta['families']} families; "
        f"the density of states has sigma {model.sigma_eV:g} eV"
    )
    if model.material is not None:
        yield f"{name}: taken as {model.material}, as told"
    for warning in predicted.warnings:
        yield f"{name}: warning: {warning}"


def steps(preprocessing: Preprocessing, background: Background | None) -> Iterator[str]:
    """What was done to a measurement, in order."""
    if preprocessing.corrections.e0_shift_eV:
        yield f"energies moved by {preprocessing.corrections.e0_shift_eV:+g} eV"
    if background is None:
        yield "no background subtracted"
    else:
        low_eV, high_eV = background.window_eV
        yield f"background {background.law} fitted over {low_eV:g} to {high_eV:g} eV"
    if preprocessing.corrections.geometry is not None:
        geometry = preprocessing.corrections.geometry
        angles = f"{geometry.incidence_deg:g} and {geometry.exit_deg:g} degrees"
        yield f"self-absorption of thick {geometry.composition} undone, beam in and out at {angles} to the surface"
    if preprocessing.smooth is not None:
        points, order = preprocessing.smooth
        yield f"smoothed by Savitzky-Golay over {points * SPECTRUM.step_eV:g} eV ({points} points), order {order}"
    if preprocessing.broadening_eV > 0:
        yield f"broadened further with sigma {preprocessing.broadening_eV:.2f} eV"


def _onset(preprocessing: Preprocessing, onset_eV: np.ndarray) -> str:
    how = f"rule {preprocessing.onset}" if isinstance(preprocessing.onset, str) else "given"
    where = f"{onset_eV[0]:.2f} eV" if len(onset_eV) == 1 else f"{onset_eV.min():.2f} to {onset_eV.max():.2f} eV"
    return f"onset at {where} ({how}); window -1 to 19 eV around it"


def _displaced(name: str, onset_eV: np.ndarray, classes: tuple[str, ...]) -> Iterator[str]:
    """A warning where absolute onsets (k,) are not those of elemental silicon."""
    off_eV = np.abs(onset_eV - SI_K_EDGE_EV).max(initial=0.0)
    if off_eV > _ANOTHER_EDGE_EV:
        yield f"{name}: warning: silicon's K-edge lies at {SI_K_EDGE_EV:g} eV: another edge, or wrong energies"
    elif off_eV > _SHIFTED_EV and not classes:
        yield (
            f"{name}: warning: {off_eV:.1f} eV from elemental silicon's K-edge at {SI_K_EDGE_EV:g} eV: an oxide or "
            "another compound, or an energy scale that is off; the model knows elemental silicon only"
        )


class Doubts:
    """Counts over the blocks of one file, to tell at its end: kinds of silicon, what is unlike the training spectra."""

    def __init__(self, path: str):
        self.name, self.spectra, self.unusual, self.highest = files.display_name(path), 0, 0, 0.0
        self.kinds: Counter[str] = Counter()  # likeliest classes
        self.shares: dict[str, float] | None = None  # probabilities of the first spectrum's
        self.contradicted: list[str] = []  # one text a spectrum that does not look like what was told

    def add(self, predicted: Predicted) -> None:
        self.spectra += len(predicted.names)
        self.unusual += int((predicted.novelty > 1).sum())
        self.highest = max(self.highest, float(predicted.novelty.max()))
        if predicted.class_probabilities is not None:
            self.shares = self.shares or predicted.kinds(0)
            rows = range(len(predicted.names))
            self.kinds.update(str(predicted.kind(row)) for row in rows)
            self.contradicted += [odd for row in rows if (odd := predicted.contradiction(row))]

    def _kind(self) -> str:
        if self.spectra > 1:
            return ", ".join(f"{kind} {count}" for kind, count in self.kinds.most_common())
        shares = dict(self.shares or {})
        told = ", ".join(f"{kind} {100 * share:.0f} %" for kind, share in shares.items() if share >= _TOLD)
        bound = 1 - shares.get(ELEMENTAL, 0.0)
        return f"{told}; a compound {100 * bound:.0f} %" if ELEMENTAL in shares and bound >= _TOLD else told

    def lines(self) -> Iterator[str]:
        if self.kinds:
            yield f"{self.name}: kind of silicon, by the edge: {self._kind()}"
        if self.contradicted:
            which = "" if self.spectra == 1 else f" ({len(self.contradicted)} of {self.spectra} spectra)"
            yield f"{self.name}: warning: {self.contradicted[0]}{which}"
        if self.unusual:
            who = "the spectrum is" if self.spectra == 1 else f"{self.unusual} of {self.spectra} spectra are"
            yield (
                f"{self.name}: warning: {who} unlike any in the training set"
                f" (novelty up to {self.highest:.1f}, usual up to 1); do not trust the result"
            )
