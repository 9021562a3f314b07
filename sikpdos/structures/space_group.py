"""Space groups by what files call them: Hermann-Mauguin symbols in all common spellings, Hall symbols, numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from sikpdos.common.errors import SikpdosError
from sikpdos.structures.hall import operations_of
from sikpdos.structures.operations import Operations, from_hall_number

_LONGEST = 100  # characters of a symbol
N_SETTINGS = 530  # Hall numbers of spglib
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆", "0123456")
_BARS = "\u0304\u0305\u0335\u203e\u00af"  # combining macron and overline (after the figure), overline, macron
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2212"
_DECORATION = re.compile(r"</?(?:sub|sup|i)>|\\(?:mathrm|mathit|overline|bar)\b|[\s_~{}$\\]")
_SETTING = re.compile(r"origin(?:choice|at)?([12])|choice([12])|o([12])|([12])|(s)|(z)|(r)(?:homb.*)?|(h)(?:ex.*)?")
# Symbols of the settings with an e-glide before 1992, from a Hall number on. Where two settings have had the same
# symbol since, it means the first.
_RUNS = {
    191: "abm2 bma2 b2cm c2mb cm2a ac2m",
    203: "aba2 bba2 b2cb c2cb cc2a ac2a",
    304: "cmca ccmb abma acam bbcm bmab",
    316: "cmma cmmb abmm acmm bmcm bmam",
    322: "ccca ccca cccb cccb abaa abaa acaa acaa bbcb bbcb bbab bbab",
}
_BEFORE_E = {first + i: symbol for first, run in _RUNS.items() for i, symbol in enumerate(run.split())}
_SECOND_OF_E = (317, 319, 321, 324, 325, 328, 329, 332, 333)
_MISNAMED = {331: "B b e b"}  # B b c b in spglib


@dataclass(frozen=True)
class Setting:
    """One of spglib's 530 settings of the space groups."""

    hall_number: int
    number: int
    symbol: str  # in full, P 1 2_1/c 1
    choice: str  # of origin, axes or cell: 1, 2, H, R, b1...

    @property
    def short_choice(self) -> str:
        """1 or 2 for origin choices, H or R for axes, else empty."""
        return self.choice[:1] if self.choice[:1] in ("1", "2", "H", "R") else ""

    def operations(self) -> Operations:
        return from_hall_number(self.hall_number)

    def __str__(self) -> str:
        return self.symbol + (f" :{self.short_choice}" if self.short_choice else "")


@cache
def settings() -> tuple[Setting, ...]:
    """All settings, in spglib's order: the first one of a group is the standard."""
    import spglib

    types = ((hall, spglib.get_spacegroup_type(hall)) for hall in range(1, N_SETTINGS + 1))
    return tuple(Setting(hall, t.number, t.international_full, t.choice) for hall, t in types)


def settings_of_number(number: int) -> list[Setting]:
    """The standard setting of a group, or the two of them (origin choices, hexagonal and rhombohedral axes).

    Raises SikpdosError for a number that is none.
    """
    of_group = [setting for setting in settings() if setting.number == number]
    if not of_group:
        raise SikpdosError(f"there is no space group {number}")
    standard = of_group[0]
    pairs = {"1": ("1", "2"), "2": ("1", "2"), "H": ("H", "R")}
    return [setting for setting in of_group if setting.choice in pairs.get(standard.choice, (standard.choice,))]


def settings_of_symbol(symbol: str) -> list[Setting]:
    """The settings that a Hermann-Mauguin symbol can mean: one, or several where it leaves a choice open.

    Raises SikpdosError where the symbol is not understood.
    """
    text, table = _plain(symbol), _by_symbol()
    for end in range(len(text), 1, -1):  # the longest part that is a symbol; what follows tells the choice
        chosen = table.get(text[:end])
        if chosen:
            narrowed = _narrowed([settings()[hall - 1] for hall in chosen], text[end:])
            if narrowed:
                return narrowed
    if text in _TRICLINIC:
        raise SikpdosError(f"space group '{symbol[:40]}' in a centred cell")
    raise SikpdosError(f"space group symbol '{symbol[:40]}' is not understood")


_TRICLINIC = frozenset(letter + sign for letter in "abcif" for sign in ("1", "-1"))


def operations_of_symbol(symbol: str) -> list[tuple[str, Operations]]:
    """What a Hermann-Mauguin symbol can mean, as (name, operations). Raises SikpdosError as `settings_of_symbol`."""
    text = _plain(symbol)
    if text in _TRICLINIC:
        hall = f"{text[1:-1]}{text[0].upper()} 1"
        return [(symbol, operations_of(hall))]
    return [(str(setting), setting.operations()) for setting in settings_of_symbol(symbol)]


def _narrowed(chosen: list[Setting], rest: str) -> list[Setting]:
    """The settings that the words after a symbol leave; none where these are not understood."""
    rest = re.sub(rf"^(?:no\.?|#)?{chosen[0].number}$", "", rest.strip(":;,.([ ])"))
    if not rest or rest == "axes":
        return chosen
    exact = [setting for setting in chosen if setting.choice.lower() == rest]
    if exact:
        return exact
    matched = _SETTING.fullmatch(rest.replace("axes", "").strip("-"))
    if not matched:
        return []
    one, s, z, r, h = next((g for g in matched.groups()[:4] if g), None), *matched.groups()[4:]
    wanted = one or ("1" if s else "2" if z else "R" if r else "H" if h else "")
    return [setting for setting in chosen if setting.short_choice == wanted]


def _plain(symbol: str) -> str:
    """A symbol in lower case without decoration: `P 6_3/m m c`, `P6<sub>3</sub>/mmc`, `P6₃/mmc` are p63/mmc."""
    text = re.sub(rf"(\d)[{_BARS}]", r"-\1", symbol[:_LONGEST].translate(_SUBSCRIPTS))
    text = re.sub(rf"[{_DASHES}]", "-", text)
    text = _DECORATION.sub("", text.lower())
    return re.sub(r"\((-?\d)\)", r"\1", text).strip("'\"")


@cache
def _by_symbol() -> dict[str, tuple[int, ...]]:
    """Hall numbers of each symbol in plain form."""
    import spglib

    own: dict[str, list[int]] = {}
    former: dict[str, list[int]] = {}
    for hall in range(1, N_SETTINGS + 1):
        kind = spglib.get_spacegroup_type(hall)
        spellings = _spellings(_MISNAMED.get(hall, kind.international), kind.international_full)
        for text in spellings if hall not in _SECOND_OF_E else ():
            _add(own, text, hall)
        for text in _former(spellings, kind.number, hall):
            _add(former, text, hall)
    return {key: tuple(value) for key, value in {**former, **own}.items()}


def _add(table: dict[str, list[int]], text: str, hall: int) -> None:
    numbers = table.setdefault(text, [])
    if hall not in numbers:
        numbers.append(hall)


def _spellings(international: str, full: str) -> set[str]:
    """Short and full symbols of one setting. Those of monoclinic groups begin with the standard setting's: not it."""
    symbols = [full, *international.split("=")[1 if "=" in international else 0 :]]
    words = [symbol.split() for symbol in symbols]
    short = [[w[0], *(part for part in w[1:] if part != "1")] for w in words if len(w) == 4 and w.count("1") == 2]
    return {_plain(" ".join(w)) for w in words + short}


def _former(spellings: set[str], number: int, hall: int) -> set[str]:
    """Spellings of former editions: m3m for m-3m, a, b or c for the e-glide."""
    if 200 <= number <= 206 or number >= 221:
        return {text.replace("-3", "3") for text in spellings}
    return {_BEFORE_E[hall]} if hall in _BEFORE_E else set()
