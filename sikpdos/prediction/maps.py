"""From a spectrum image to maps of the density of states, batch by batch, so that memory does not grow with the image.

Background, edge and channels are chosen on the mean spectrum; what cannot be used is masked, pixel by pixel, with its
cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.formats.spectrum_set import NavigationAxis, SpectrumSet, faults
from sikpdos.model.mixture import Model, class_probabilities, novelty, predict
from sikpdos.model.network import recording
from sikpdos.prediction import spectrum_images
from sikpdos.prediction.predict import beyond_all
from sikpdos.prediction.spectrum_images import Totals
from sikpdos.spectra import edge_search, poisson_pca
from sikpdos.spectra.background import Background
from sikpdos.spectra.poisson_pca import Components
from sikpdos.spectra.prepared import Prepared
from sikpdos.spectra.preprocess import chosen_background, prepare
from sikpdos.spectra.refusal import Fault, Refusal
from sikpdos.spectra.settings import Preprocessing

SIGNIFICANT = 5.0  # standard errors that an edge is high at least
_FOLLOWED = 8  # one in so many denoised pixels, through which the noise left in them is followed
CAUSES = ("usable", *(fault.value for fault in Fault))  # what the numbers in a mask mean
USABLE = 0
_NUMBER = {fault: number for number, fault in enumerate(Fault, start=1)}


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What is wanted of a map beside the preparation of its spectra."""

    common_onset: bool = False  # of the mean spectrum, for all pixels
    pca: int | str | None = None  # number of principal components kept, or "auto"; None: all
    bin: tuple[int, ...] | None = None  # pixels to sum along each axis, slowest first


@dataclass(frozen=True, kw_only=True)
class MapPlan:
    """What is decided once for an image, and all that its pixels have in common."""

    image: SpectrumSet
    channels: slice  # of the image's axis that are used
    totals: Totals
    preprocessing: Preprocessing
    kind: str
    rise_eV: float
    background: Background | None
    remarks: tuple[str, ...]
    model: Model
    components: Components | None = None

    @property
    def energy_eV(self) -> np.ndarray:
        """Energies (n,) of the channels used, on the file's axis."""
        return self.image.energy_eV[self.channels]

    @property
    def navigation(self) -> tuple[NavigationAxis, ...]:
        return self.image.navigation

    @property
    def simulated(self) -> bool:
        """Whether the image's title says that it is simulated."""
        return "simulated" in self.image.title.lower()


@dataclass(frozen=True, kw_only=True)
class MapBlock:
    """k consecutive pixels; NaN where they are masked."""

    pdos: np.ndarray  # (k, 2, 300) float32, states/eV/atom
    deviation: np.ndarray  # (k, 2, 300) float32
    spectra: np.ndarray  # (k, 200) float32, as the model saw them
    onset_eV: np.ndarray  # (k,)
    novelty: np.ndarray  # (k,)
    mask: np.ndarray  # (k,) uint8: 0, or the number in CAUSES
    intensity: np.ndarray  # (k,) mean over the channels used, of every pixel
    own_counts: np.ndarray  # (k,) whether components did not describe it, so that it was taken as measured
    classes: tuple[str, ...]  # material classes that the model knows
    class_probabilities: np.ndarray  # (k, c) float32
    remarks: tuple[str, ...] = ()  # what was done to single pixels, and
    warnings: tuple[str, ...] = ()  # what is to be doubted of them


def plan(image: SpectrumSet, model: Model, preprocessing: Preprocessing, wishes: Wishes = Wishes()) -> MapPlan:
    """Decide on an image (see MapPlan), in one pass over it, or two for principal components.

    Raises SikpdosError for an image without a usable pixel, an option that does not fit, or no silicon K-edge.
    """
    shift_eV = preprocessing.corrections.e0_shift_eV
    low_eV = None if isinstance(preprocessing.background, str) else preprocessing.background[0]
    whole = preprocessing.corrections.low_loss is not None or preprocessing.corrections.any_edge
    channels = slice(None) if whole else spectrum_images.used_channels(image, low_eV, shift_eV)
    energy_eV = image.energy_eV + shift_eV
    if cause := edge_search.fault(energy_eV, preprocessing.corrections.any_edge):
        raise SikpdosError(cause)
    image, totals = _summed(image, channels, wishes.bin)
    rise_eV, choice = chosen_background(energy_eV[channels], totals.mean, image.kind, preprocessing)
    first = MapPlan(
        image=image,
        channels=channels,
        totals=totals,
        preprocessing=preprocessing,
        kind=image.kind,
        rise_eV=rise_eV,
        background=choice.background,
        remarks=(choice.remark,) if choice.remark else (),
        model=model,
    )
    first = _with_common_onset(first) if wishes.common_onset else first
    return first if wishes.pca is None else _with_components(first, _component_count(wishes.pca))


def _summed(image: SpectrumSet, channels: slice, steps: tuple[int, ...] | None) -> tuple[SpectrumSet, Totals]:
    """The image, its pixels summed in rectangles if wished, and its totals; sums with a saturated pixel are so, too."""
    coarse = image if steps is None else spectrum_images.binned(image, steps)
    found = spectrum_images.totals(image, channels)
    if steps is None:
        return image, found
    full = spectrum_images.in_rectangles(found.saturated.reshape(*image.shape, 1), steps).ravel() > 0
    return coarse, replace(spectrum_images.totals(coarse, channels), saturated=full)


def _with_common_onset(plan: MapPlan) -> MapPlan:
    """With the onset of the mean spectrum for every pixel."""
    prepared = prepare(plan.energy_eV, plan.totals.mean[None], plan.kind, plan.preprocessing)
    if prepared.causes:
        raise SikpdosError(f"the mean spectrum: {prepared.causes[0]}")
    onset_eV = float(prepared.onset_eV[0])
    remark = f"onset of the mean spectrum, {onset_eV:.2f} eV, taken for every pixel"
    return replace(plan, preprocessing=replace(plan.preprocessing, onset=onset_eV), remarks=(*plan.remarks, remark))


def _component_count(wanted: int | str) -> int | None:
    if wanted == "auto":
        return None
    if not isinstance(wanted, int) or wanted < 1:
        raise SikpdosError(f"{wanted!r} principal components: expected a number from 1 on, or 'auto'")
    return wanted


def _with_components(plan: MapPlan, count: int | None) -> MapPlan:
    """With the principal components of its usable pixels."""

    def usable() -> Iterator[np.ndarray]:
        for block, mask in _pixels(plan):
            yield block[mask == USABLE].astype(float)

    if plan.totals.largest <= 0 or (plan.totals.mean < 0).any():
        raise SikpdosError("--pca needs counts: intensities here are negative (a background already removed?)")
    found = poisson_pca.components(usable(), plan.totals.mean, count)
    how = "as noise leaves" if count is None else "as wished" if count == len(found.vectors) else "there are no more"
    remark = f"{len(found.vectors)} principal component{'s' * (len(found.vectors) > 1)} kept, {how}"
    return replace(plan, components=found, remarks=(*plan.remarks, remark))


def predict_blocks(plan: MapPlan, done: Callable[[int], None] = lambda pixels: None) -> Iterator[MapBlock]:
    """The pixels in order, a few thousand at a time; `done` is told how many there were so far."""
    count = 0
    for block, mask in _pixels(plan):
        yield _predicted(plan, block, mask)
        count += len(block)
        done(count)


def _pixels(plan: MapPlan) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pixels (k, n) in order, with what can be told of them before they are prepared (k,): numbers in CAUSES."""
    start = 0
    for block in spectrum_images.rows(plan.image, plan.channels):
        yield block, _first_mask(plan, block, plan.totals.saturated[start : start + len(block)])
        start += len(block)


def _predicted(plan: MapPlan, block: np.ndarray, mask: np.ndarray) -> MapBlock:
    result = _empty(plan, block, mask)
    rows = np.flatnonzero(mask == USABLE)
    if not len(rows):
        return result
    measured = block[rows].astype(float)
    counts, own = _denoised(plan, measured)
    prepared = _prepared(plan, counts)
    result = replace(result, remarks=prepared.remarks, warnings=prepared.warnings)
    mask[rows] = _mask_of(prepared.refused, len(rows))
    good = np.flatnonzero(mask[rows] == USABLE)
    if not len(good):
        return result
    spectra = prepared.spectra[good]
    told = recording(spectra, prepared.preprocessing.resolution_eV, prepared.kind)
    onset_eV = prepared.onset_eV[good]
    pdos, deviation = predict(plan.model, spectra, told, onset_eV)
    if plan.components is not None:
        deviation = np.hypot(deviation, _left_noise(plan, plan.components, counts[good], own[good], pdos, told))
    places = rows[good]
    result.pdos[places], result.deviation[places], result.spectra[places] = pdos, deviation, spectra
    result.onset_eV[places] = onset_eV
    result.novelty[places] = novelty(plan.model, spectra)
    result.own_counts[places] = own[good]
    result.class_probabilities[places] = class_probabilities(plan.model, spectra, onset_eV)
    return result


def _empty(plan: MapPlan, block: np.ndarray, mask: np.ndarray) -> MapBlock:
    k = len(block)
    return MapBlock(
        pdos=np.full((k, 2, PDOS.size), np.nan, np.float32),
        deviation=np.full((k, 2, PDOS.size), np.nan, np.float32),
        spectra=np.full((k, SPECTRUM.size), np.nan, np.float32),
        onset_eV=np.full(k, np.nan),
        novelty=np.full(k, np.nan),
        mask=mask,
        intensity=block.mean(axis=1, dtype=float),
        own_counts=np.zeros(k, bool),
        classes=plan.model.classes,
        class_probabilities=np.full((k, len(plan.model.classes)), np.nan, np.float32),
    )


def _first_mask(plan: MapPlan, block: np.ndarray, saturated: np.ndarray) -> np.ndarray:
    mask = np.zeros(len(block), np.uint8)
    finite = np.isfinite(block).all(axis=1)
    rest = np.where(finite[:, None], block, 0)
    mask[~_edge(plan, rest)] = _NUMBER[Fault.NO_EDGE]
    mask[saturated] = _NUMBER[Fault.SATURATED]
    mask[list(faults(rest, plan.kind))] = _NUMBER[Fault.EMPTY]
    mask[~finite] = _NUMBER[Fault.NOT_FINITE]
    return mask


def _edge(plan: MapPlan, block: np.ndarray) -> np.ndarray:
    """Whether pixels (k, n) have an edge that is no noise (k,); not asked where any edge is accepted."""
    if plan.preprocessing.corrections.any_edge:
        return np.ones(len(block), bool)
    energy_eV = plan.energy_eV + plan.preprocessing.corrections.e0_shift_eV
    fitted = None if plan.background is None else plan.background.fit(energy_eV, block)
    with np.errstate(invalid="ignore"):
        height = edge_search.significance(energy_eV, block, fitted, plan.rise_eV)
    return ~(height < SIGNIFICANT)


def _denoised(plan: MapPlan, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spectra (m, n) as the components make them, and which were left as they are, since they differ from that (m,)."""
    if plan.components is None:
        return counts, np.zeros(len(counts), bool)
    smooth = plan.components.denoised(counts)
    own = plan.components.unexplained(counts, smooth, plan.energy_eV)
    return np.where(own[:, None], counts, smooth), own


def _prepared(plan: MapPlan, counts: np.ndarray) -> Prepared:
    prepared = prepare(plan.energy_eV, counts, plan.kind, plan.preprocessing, plan.totals.mean)
    return replace(prepared, refused=prepared.refused | beyond_all(prepared, plan.model))


def _mask_of(refused: dict[int, Refusal], count: int) -> np.ndarray:
    mask = np.zeros(count, np.uint8)
    for row, refusal in refused.items():
        mask[row] = _NUMBER[refusal.fault]
    return mask


def _left_noise(
    plan: MapPlan, components: Components, counts: np.ndarray, own: np.ndarray, pdos: np.ndarray, told: np.ndarray
) -> np.ndarray:
    """Standard deviation (m, 2, 300) by the noise that components leave in denoised spectra (see Components).

    Followed for some pixels; the others take that of the one whose spectrum is most alike, by their own counts.
    """
    variance, smooth = np.zeros_like(pdos), np.flatnonzero(~own)
    some = smooth[::_FOLLOWED]
    if not len(some):
        return variance
    for change in components.deviations(counts[some]):
        moved = prepare(plan.energy_eV, counts[some] + change, plan.kind, plan.preprocessing, plan.totals.mean)
        rows = some[moved.usable]
        if len(rows):
            found, onset_eV = moved.spectra[moved.usable], moved.onset_eV[moved.usable]
            effect = predict(plan.model, found, told[rows], onset_eV)[0] - pdos[rows]
            variance[rows] += effect**2
    shapes, mean = components.shapes(counts), counts.mean(axis=1)
    alike = some[np.array([((shapes[some] - shape) ** 2).sum(axis=1).argmin() for shape in shapes[smooth]], int)]
    variance[smooth] = variance[alike] * (mean[alike] / mean[smooth])[:, None, None]
    return np.sqrt(variance)


def counted(mask: np.ndarray) -> dict[str, int]:
    """How many pixels are masked for each cause, the most frequent first."""
    found = np.bincount(mask.ravel(), minlength=len(CAUSES))[1:]
    return dict(sorted(zip(CAUSES[1:], found.tolist(), strict=True), key=lambda item: -item[1]))


def masked_in_words(count: Mapping[str, int], pixels: int) -> str:
    """How many of an image's pixels are masked, and why."""
    ordered = sorted(((n, cause) for cause, n in count.items() if n), reverse=True)
    return f"{sum(count.values())} of {pixels} pixels masked: {', '.join(f'{n} {cause}' for n, cause in ordered)}"
