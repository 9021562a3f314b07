"""What `predict` does with a spectrum image: options that concern pixels, and maps instead of tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from sikpdos.commands import options
from sikpdos.commands.console import Console

if TYPE_CHECKING:
    import numpy as np

    from sikpdos.dataset.dataset import Dataset
    from sikpdos.formats.read import Reading
    from sikpdos.formats.spectrum_set import SpectrumSet
    from sikpdos.model.mixture import Model
    from sikpdos.prediction.maps import MapBlock, MapPlan
    from sikpdos.spectra.settings import Preprocessing

HSPY = (".hspy",)
_TOLD = 3  # remarks on single pixels that are told
COMMON = "common"
Bin = Annotated[
    str | None,
    typer.Option("--bin", metavar="Y,X", show_default="none", help="Sum an image's pixels in rectangles of so many."),
]
Pca = Annotated[
    str | None,
    typer.Option(
        "--pca",
        metavar="N|auto",
        show_default="none",
        help="Take noise out of an image of counts: principal components to keep; auto: those above the noise.",
    ),
]
Average = Annotated[
    str | None,
    typer.Option(
        "--average",
        metavar="MASK",
        show_default="none",
        help="Sum an image's pixels in regions: numbers from 1 for each pixel, 0 for none (npy, npz, csv).",
    ),
]


@dataclass(frozen=True)
class ImageOptions:
    """`--bin`, `--pca`, `--average`, and `--onset common`, as they were given."""

    bin: tuple[int, ...] | None
    pca: int | str | None
    average: str | None
    common_onset: bool

    @property
    def given(self) -> list[str]:
        """Names of those that were given."""
        names = {"--bin": self.bin, "--pca": self.pca, "--average": self.average, "--onset common": self.common_onset}
        return [name for name, value in names.items() if value]


def image_options(bin: str | None, pca: str | None, average: str | None, onset: str) -> ImageOptions:
    """The options from their texts. Raises a usage error for what they cannot be."""
    if average is not None and (bin, pca) != (None, None):
        raise typer.BadParameter("regions are sums already: not with --bin or --pca", param_hint="--average")
    return ImageOptions(_steps(bin), _components(pca), average, onset == COMMON)


def _steps(text: str | None) -> tuple[int, ...] | None:
    parts = [] if text is None else text.split(",")
    if not all(part.strip().isascii() and part.strip().isdigit() and 0 < int(part) < 10**6 for part in parts):
        raise typer.BadParameter(f"'{text}' is not whole numbers of pixels with a comma", param_hint="--bin")
    return tuple(map(int, parts)) or None


def _components(text: str | None) -> int | str | None:
    if text is None or text == "auto":
        return text
    if not (text.isascii() and text.isdigit() and int(text[:6]) > 0 and len(text) < 6):
        raise typer.BadParameter(f"'{text}' is neither auto nor a number of components", param_hint="--pca")
    return int(text)


@dataclass(frozen=True)
class Found:
    """What a look into the files gave."""

    image: SpectrumSet | None = None  # the only content of the only file
    inputs: dict[str, Dataset | list[SpectrumSet]] = field(default_factory=dict)  # what was read already


def look(files: Sequence[str], output: str, wanted: ImageOptions, reading: Reading, json: bool) -> Found:
    """The spectrum image that maps are made of: where they, or what concerns pixels, are asked for.

    Raises SikpdosError where that is so and the files are something else.
    """
    from sikpdos.common.files import suffix

    to_hyperspy = suffix(output) in HSPY and not json
    maps = to_hyperspy or (suffix(output) in options.NPZ and not json)
    needed = [*wanted.given, *(["--output"] if to_hyperspy else [])]
    if to_hyperspy and wanted.average is not None:
        raise typer.BadParameter("regions are single spectra: to CSV or NPZ, not to hspy", param_hint="--average")
    if len(files) != 1 or reading.merge or not (maps or needed):
        if needed:
            raise typer.BadParameter("one file with a spectrum image is needed", param_hint=needed[0])
        return Found()
    if not maps and wanted.given and wanted.average is None:
        raise typer.BadParameter("needs -o NAME.npz or NAME.hspy, a file of maps", param_hint=wanted.given[0])
    from sikpdos.common.errors import SikpdosError
    from sikpdos.prediction.batches import read_input
    from sikpdos.prediction.spectrum_images import is_image

    content = read_input(files[0], reading.choice)
    sets = content if isinstance(content, list) else []
    if len(sets) == 1 and (is_image(sets[0]) or (needed and sets[0].navigation)):
        if wanted.average is not None:
            return Found(inputs={files[0]: [regions(sets[0], wanted.average)]})
        return Found(sets[0])
    if needed:
        what = f"{len(sets)} sets of spectra" if len(sets) > 1 else "no spectrum image"
        asked = f"-o {output}" if needed[0] == "--output" else needed[0]
        raise SikpdosError(f"{what}: {asked} needs one image", files[0])
    return Found(inputs={files[0]: content})


def regions(image: SpectrumSet, mask: str) -> SpectrumSet:
    """The summed spectra of the regions in a file with a mask."""
    from sikpdos.prediction.regions import averaged, read_labels

    return averaged(image, read_labels(mask), mask)


def write(
    console: Console,
    path: str,
    output: str,
    image: SpectrumSet,
    wanted: ImageOptions,
    model: Model,
    preprocessing: Preprocessing,
) -> bool:
    """Write an image's maps, tell what was done, and return whether every pixel could be used.

    Raises SikpdosError, and writes nothing, if none can.
    """
    from sikpdos.common import files
    from sikpdos.common.errors import naming
    from sikpdos.prediction import hyperspy_file, maps, maps_file

    name = files.display_name(path)
    to_hyperspy = files.suffix(output) in HSPY
    if to_hyperspy:
        hyperspy_file.check_package()
    wishes = maps.Wishes(common_onset=wanted.common_onset, pca=wanted.pca, bin=wanted.bin)
    tally = Tally()
    with naming(name):
        plan = maps.plan(image, model, preprocessing, wishes)
        for line in _described(plan):
            console.say(f"{name}: {line}")
        with console.progress("pixels", len(plan.image)) as done:
            blocks = tally.watch(maps.predict_blocks(plan, done))
            (hyperspy_file.write_hyperspy if to_hyperspy else maps_file.write_maps)(output, plan, blocks, name)
    for line in tally.lines(plan):
        console.say(f"{name}: {line}")
    return not any(tally.masked.values())


def _described(plan: MapPlan) -> Iterator[str]:
    from sikpdos.commands.report import steps

    shape = " x ".join(map(str, plan.image.shape))
    flag = "SIMULATED " if plan.simulated else ""
    pixels = f"{shape} pixel{'s' * (len(plan.image) > 1)}"
    yield f"{flag}spectrum image of {pixels}, {len(plan.energy_eV)} of {len(plan.image.energy_eV)} channels used"
    yield from (f"warning: {warning}" for warning in plan.image.warnings)
    yield from steps(plan.preprocessing, plan.background)
    yield from plan.remarks
    if plan.model.material is not None:
        yield f"taken as {plan.model.material}, as told"


class Tally:
    """Counts over the blocks of an image, to be told at the end."""

    def __init__(self) -> None:
        self.masked: dict[str, int] = {}
        self.pixels, self.unusual, self.own = 0, 0, 0
        self.lowest_eV, self.highest_eV = float("inf"), float("-inf")
        self.kinds: Counter[str] = Counter()  # likeliest material classes of the pixels
        self.told: dict[str, None] = {}  # remarks and warnings of single pixels, each once

    def watch(self, blocks: Iterator[MapBlock]) -> Iterator[MapBlock]:
        """The blocks, counted as they go by. Raises SikpdosError at the end if no pixel was usable."""
        from sikpdos.common.errors import SikpdosError
        from sikpdos.model.classification import likeliest
        from sikpdos.prediction.maps import counted

        for block in blocks:
            usable = block.mask == 0
            self.pixels += len(block.mask)
            self.masked = {key: self.masked.get(key, 0) + n for key, n in counted(block.mask).items()}
            self.unusual += int((block.novelty[usable] > 1).sum())
            self.own += int(block.own_counts.sum())
            if block.classes:
                self.kinds.update(likeliest(block.classes, block.class_probabilities[usable]).tolist())
            self.told |= dict.fromkeys((*block.remarks, *(f"warning: {text}" for text in block.warnings)))
            if usable.any():
                onsets: np.ndarray = block.onset_eV[usable]
                self.lowest_eV = min(self.lowest_eV, float(onsets.min()))
                self.highest_eV = max(self.highest_eV, float(onsets.max()))
            yield block
        if sum(self.masked.values()) == self.pixels:
            raise SikpdosError(f"no pixel can be used: {self.said()}")

    def said(self) -> str:
        """How many pixels are masked, and why."""
        from sikpdos.prediction.maps import masked_in_words

        return masked_in_words(self.masked, self.pixels)

    def lines(self, plan: MapPlan) -> Iterator[str]:
        """What the counts say, for the user."""
        if not isinstance(plan.preprocessing.onset, float):
            low, high = f"{self.lowest_eV:.2f}", f"{self.highest_eV:.2f}"
            where = f"onset at {low}" if low == high else f"onsets at {low} to {high}"
            yield f"{where} eV (rule {plan.preprocessing.onset})"
        of_plan = {f"{prefix}{text}" for text in plan.remarks for prefix in ("", "warning: ")}
        told = [text for text in self.told if text not in of_plan]
        yield from told[:_TOLD]
        if len(told) > _TOLD:
            yield f"{len(told) - _TOLD} more of this kind for other pixels"
        if self.kinds:
            yield f"kinds of silicon, by the edge: {', '.join(f'{kind} {n}' for kind, n in self.kinds.most_common())}"
        if self.own:
            yield f"{self.own} pixels differ from what the components can say, and were taken as measured"
        if masked := sum(self.masked.values()):
            yield self.said()
        if self.unusual:
            yield (
                f"warning: {self.unusual} of {self.pixels - masked} pixels are unlike any in the training set "
                "(novelty over 1); do not trust them"
            )
