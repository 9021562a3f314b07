"""Options that several commands share, each written once, and the values that their texts stand for.

What is no choice of an option is a usage error (exit 2), raised before anything is read.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from sikpdos.common import resources
from sikpdos.common.errors import STDIO

CSV = (".csv", ".txt", ".dat")
NPZ = (".npz",)
FIGURES = (".png", ".pdf", ".svg")
Number = TypeVar("Number", int, float)


class Split(str, Enum):
    grouped = "grouped"
    random = "random"


class Electron(str, Enum):
    removed = "removed"
    neutral = "neutral"


def output(help: str) -> typer.models.OptionInfo:
    """`-o/--output`, the same in every command (`--out`, its spelling in version 0.1, is still understood)."""
    return typer.Option("-o", "--output", help=help)


def shipped_models(incomplete: str) -> list[str]:
    """Names of the shipped models, for a shell to complete."""
    names = sorted(path.stem for path in resources.MODELS.glob("*.npz"))
    return [name for name in names if name.startswith(incomplete)]


def model(help: str, show_default: str | bool = True) -> typer.models.OptionInfo:
    """`-m/--model`, with the shipped models' names to complete."""
    return typer.Option("-m", "--model", help=help, show_default=show_default, autocompletion=shipped_models)


Resolution = Annotated[
    float | None,
    typer.Option(
        "--sigma",
        min=0.0,
        max=50.0,
        show_default="unknown",
        help="Resolution of the measurement: Gaussian sigma, eV.",
    ),
]
Smooth = Annotated[
    str | None,
    typer.Option(
        "--smooth", metavar="W,P", show_default="none", help="Savitzky-Golay filter: window in points of 0.1 eV, order."
    ),
]
Background = Annotated[
    str,
    typer.Option("--background", metavar="LO,HI", help="Window in eV to fit the background over, auto, or none."),
]
Onset = Annotated[
    str,
    typer.Option("--onset", metavar="ENERGY", help="Energy of the onset, eV, or auto (the rule of what it serves)."),
]
AllowPartial = Annotated[
    bool, typer.Option("--allow-partial", help="Accept spectra that lack part of the window, -1 to 19 eV.")
]
Column = Annotated[
    str | None,
    typer.Option(
        "--column",
        metavar="NAME[/I0]",
        show_default="told from names and values",
        help="Column of the intensity, and the one to divide it by: names, or numbers from 1 (see --list).",
    ),
]
Scan = Annotated[
    str | None,
    typer.Option("--scan", metavar="N", show_default="all", help="Scan, or project's group, by number or title."),
]
Merge = Annotated[
    bool, typer.Option("--merge", help="All spectra are scans of one sample: merge them, weighted by their noise.")
]
E0Shift = Annotated[
    float, typer.Option("--e0-shift", min=-100, max=100, help="Added to all energies, eV: a known calibration error.")
]
Despike = Annotated[bool, typer.Option("--despike", help="Replace spikes by straight lines.")]
LowLossFile = Annotated[
    str | None,
    typer.Option(
        "--low-loss",
        metavar="FILE",
        show_default="none",
        help="Low-loss spectrum of the same place, to remove plural scattering.",
    ),
]
SelfAbsorption = Annotated[
    str | None,
    typer.Option(
        "--self-absorption",
        metavar="IN,OUT",
        show_default="none",
        help="Correct fluorescence of a thick sample: angles of beam and detector to its surface, degrees.",
    ),
]
Composition = Annotated[
    str, typer.Option("--composition", metavar="FORMULA", help="Sample's composition for --self-absorption.")
]
AnyEdge = Annotated[bool, typer.Option("--any-edge", help="Go on with what does not look like a silicon K-edge.")]
List = Annotated[
    bool, typer.Option("--list", help="Print the files' scans and columns, and what would be taken, and stop.")
]
Broadening = Annotated[
    float | None,
    typer.Option("--sigma", min=0.01, max=10, show_default="0.5", help="Gaussian standard deviation, eV."),
]
Lorentz = Annotated[
    float | None, typer.Option("--lorentz", min=0, max=10, show_default="0", help="Lorentzian FWHM of the edge, eV.")
]
LifetimeGrowth = Annotated[
    str | None,
    typer.Option(
        "--lifetime",
        metavar="MAX,CENTRE,SPREAD",
        show_default="constant",
        help="Let the Lorentzian of the edge grow with the energy above the Fermi level, as final states' lifetimes "
        "shorten: by at most MAX eV, half of it at CENTRE eV, over about SPREAD eV (an arctangent; 15,30,30 for "
        "example). --lorentz is its width at the Fermi level then, 0.48 eV by default, silicon's 1s core hole.",
    ),
]
OnsetRule = Annotated[
    str | None,
    typer.Option(
        "--onset-rule", show_default="50%", help="Where 0 of the edge lies: P% (of the maximum), slope or area."
    ),
]
Seed = Annotated[
    int, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of all that is random: same seed, same result.")
]
TestGroup = Annotated[
    list[str] | None, typer.Option("--test-group", help="Family to put in the test part; repeatable.")
]
Config = Annotated[str | None, typer.Option("--config", help="Settings of the training (TOML); options override it.")]
Members = Annotated[
    int | None, typer.Option("--members", min=1, show_default="the settings'", help="Networks in an ensemble.")
]
Epochs = Annotated[
    int | None,
    typer.Option("--epochs", min=1, show_default="the settings'", help="Passes over the training part at most."),
]
Threads = Annotated[int | None, typer.Option("--threads", min=1, show_default="all cores", help="CPU threads.")]
SitesTable = Annotated[Path, typer.Argument(help="Table of sites (sites.csv), its structure files beside it.")]


def smoothing(text: str | None) -> tuple[int, int] | None:
    """ "40,3" as window and order."""
    return None if text is None else pair(text, int, "--smooth")


def background_window(text: str) -> str | tuple[float, float]:
    """ "1700,1830" as its two energies in eV; "auto" and "none" stay."""
    return text if text in ("auto", "none") else increasing(text, "--background")


def onset_energy(text: str) -> float | None:
    """An energy in eV; None for "auto"."""
    return None if text == "auto" else _number(text, float, "--onset", f"'{text}' is neither auto nor an energy in eV")


def angles(text: str | None, composition: str) -> tuple[float, float] | None:
    """ "45,45" as the angles of beam and detector to the surface, degrees; without them no composition is asked for."""
    if text is None and composition != "Si":
        raise typer.BadParameter("is for --self-absorption, which is not given", param_hint="--composition")
    return None if text is None else pair(text, float, "--self-absorption")


def onset_rule(text: str | None) -> str | None:
    """A rule as it was given, checked by the grammar of spectra.processing.find_onset."""
    if text is None or text in ("slope", "area"):
        return text
    if not re.fullmatch(r"\d+(\.\d+)?%", text) or not 0 < float(text[:-1]) < 100:
        raise typer.BadParameter(f"'{text}' is none of P% (0 to 100), slope, area", param_hint="--onset-rule")
    return text


def refuse(given: Mapping[str, object], why: str) -> None:
    """Refuse options that do not apply, of those that were given (or are true)."""
    for option, value in given.items():
        if value:
            raise typer.BadParameter(why, param_hint=option)


def device(text: str | None) -> str | None:
    """PyTorch's name of a device, checked as far as it goes without PyTorch."""
    if text is not None and not re.fullmatch(r"(cpu|mps|cuda|xpu)(:\d+)?", text):
        raise typer.BadParameter(f"'{text}' is none of cpu, cuda, cuda:N, mps, xpu", param_hint="--device")
    return text


def increasing(text: str, option: str) -> tuple[float, float]:
    """ "10,45" as two numbers, the second the larger."""
    low, high = pair(text, float, option)
    if not low < high:
        raise typer.BadParameter(f"'{text}': the second number must be the larger", param_hint=option)
    return low, high


def pair(text: str, convert: Callable[[str], Number], option: str) -> tuple[Number, Number]:
    """ "40,3" as two finite numbers."""
    first, second = _numbers(text, 2, convert, option, "two whole" if convert is int else "two")
    return first, second


def lifetime_growth(text: str | None) -> tuple[float, float, float] | None:
    """ "15,30,30" as the growth of a Lorentzian, the energy of half of it, and its range, eV."""
    if text is None:
        return None
    maximum_eV, centre_eV, spread_eV = _numbers(text, 3, float, "--lifetime", "three")
    if min(maximum_eV, centre_eV, spread_eV) <= 0:
        raise typer.BadParameter(f"'{text}': all three must be above 0", param_hint="--lifetime")
    return maximum_eV, centre_eV, spread_eV


def _numbers(text: str, count: int, convert: Callable[[str], Number], option: str, words: str) -> list[Number]:
    message = f"'{text}' is not {words} numbers with a comma"
    parts = text.split(",")
    if len(parts) != count:
        raise typer.BadParameter(message, param_hint=option)
    return [_number(part, convert, option, message) for part in parts]


def _number(text: str, convert: Callable[[str], Number], option: str, message: str) -> Number:
    try:
        value = convert(text)
    except ValueError:
        raise typer.BadParameter(message, param_hint=option) from None
    if not math.isfinite(value):
        raise typer.BadParameter(message, param_hint=option)
    return value


def check_output(path: str | None, suffixes: Sequence[str], option: str = "--output") -> None:
    """Refuse, before any work, a file whose kind the command does not write or which cannot be written.

    A name without a suffix, a device or a pipe takes the command's usual kind; `.gz` may follow.
    """
    if path is None or path == STDIO:
        return
    from sikpdos.common import files

    kind = files.suffix(path)
    if kind and kind not in suffixes and not _is_special(path):
        raise typer.BadParameter(f"{path}: its name ends in none of {', '.join(suffixes)}", param_hint=option)
    files.check_writable(path)


def _is_special(path: str) -> bool:
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def shard(text: str | None) -> tuple[int, int]:
    """ "2/8" as (2, 8); else the place in a Slurm job array; else (1, 1)."""
    if text is None and "SLURM_ARRAY_TASK_ID" in os.environ:
        first, count = _slurm("MIN", 1), _slurm("COUNT", 1)
        part, parts, shown = _slurm("ID") - first + 1, count, "SLURM_ARRAY_TASK_ID"
    else:
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text or "1/1")
        if not match:
            raise typer.BadParameter(f"'{text}' is not i/n", param_hint="--shard")
        part, parts, shown = int(match[1]), int(match[2]), "--shard"
    if not 1 <= part <= parts:
        raise typer.BadParameter(f"part {part} of {parts}: it runs from 1 to their number", param_hint=shown)
    return part, parts


def _slurm(name: str, default: int | None = None) -> int:
    """A number of Slurm's job array from the environment."""
    variable = f"SLURM_ARRAY_TASK_{name}"
    text = os.environ.get(variable)
    if text is None and default is not None:
        return default
    return int(_number(text or "", int, variable, f"'{text}' is not a whole number"))
