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
from typing import Annotated

import typer

from sikpdos.common import resources
from sikpdos.common.errors import STDIO

CSV = (".csv", ".txt", ".dat")
NPZ = (".npz",)
FIGURES = (".png", ".pdf", ".svg")


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
Broadening = Annotated[
    float | None,
    typer.Option("--sigma", min=0.01, max=10, show_default="0.5", help="Gaussian standard deviation, eV."),
]
Lorentz = Annotated[
    float | None, typer.Option("--lorentz", min=0, max=10, show_default="0", help="Lorentzian FWHM of the edge, eV.")
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


def pair(text: str, convert: Callable[[str], float], option: str) -> tuple:
    """ "40,3" as two finite numbers."""
    message = f"'{text}' is not two {'whole ' if convert is int else ''}numbers with a comma"
    parts = text.split(",")
    if len(parts) != 2:
        raise typer.BadParameter(message, param_hint=option)
    first, second = (_number(part, convert, option, message) for part in parts)
    return first, second


def _number(text: str, convert: Callable[[str], float], option: str, message: str) -> float:
    try:
        value = convert(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise typer.BadParameter(message, param_hint=option)
    return value


def check_output(path: str | None, suffixes: Sequence[str], option: str = "--output") -> None:
    """Refuse, before any work, a file whose kind the command does not write or which cannot be written.

    A name without a suffix, a device or a pipe takes the command's usual kind; `.gz` may follow.
    """
    if path is None or path == STDIO:
        return
    suffix = Path(path.removesuffix(".gz")).suffix.lower()
    if suffix and suffix not in suffixes and not _is_special(path):
        raise typer.BadParameter(f"{path}: its name ends in none of {', '.join(suffixes)}", param_hint=option)
    from sikpdos.common import files

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
