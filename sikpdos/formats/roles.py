"""What a column holds, told from its name: the words that beamlines, microscopes and programs use."""

from __future__ import annotations

import re
from enum import Enum

from sikpdos.formats.columns import Column


class Role(Enum):
    """What a column can be."""

    ENERGY = "energy"
    ANGLE = "angle"
    INDEX = "index"
    TIME = "time"
    INCIDENT = "incident intensity"
    TRANSMITTED = "transmitted intensity"
    REFERENCE = "reference"
    ELECTRONS = "electron yield"
    FLUORESCENCE = "fluorescence"
    TOTAL_FLUORESCENCE = "total fluorescence"
    ABSORPTION = "absorption"
    RING = "ring current"
    DERIVED = "background, fit or error"
    INTENSITY = "intensity"
    UNKNOWN = "unknown"


YIELDS = (Role.ELECTRONS, Role.FLUORESCENCE, Role.TOTAL_FLUORESCENCE)  # in this order
SPECTRA = (Role.UNKNOWN, Role.ABSORPTION, Role.INTENSITY)  # what a column that is a sample's spectrum may look like

_ENERGY = re.compile(
    r"(photon|bragg|mono|dcm|absolute|relative)?(energ(y|ies|ie|ia)|énergie|エネルギー)(loss|c|rbv|ev)?|"
    r"hν|hv|ephoton|eloss|k?ev"
)
_WEAK_ENERGY = ("e", "x", "en", "omega", "loss", "mono", "e e0", "e 0", "ω")
_NO_ENERGY = {"ring", "sr", "edge", "machine", "storage", "fermi", "gap", "pass", "und", "undulator"}
_ANGLE = re.compile(r"angles?|(2|two)?theta.*|.*[θΘ]|deg(rees?)?|gonio.*|phi|chi2|角度")
_ANGLE_UNIT = re.compile(r"°|deg.*|.?rad", re.I)
_TIME = re.compile(
    r"(real|live|dead|count|dwell|elapsed|exposure|acq)?(time|clock)r?s?|.*timer?|t|dwell|sec(ond)?s?|"
    r"epoch|preset|tscaler|rtc|date|[io]cr|msec|ms|livetime|時間"
)
_TIME_UNIT = re.compile(r"m?s|sec.*", re.I)
_INDEX = re.compile(r"index|points?|pts?|no|nr|num|number|seq|id|eventid|event|#|n|scan|row|pixel|channel|step|番号")
_INCIDENT = re.compile(r"i[0o]|izero|io0|monitor|mon|mesh|incident|incoming.*|ic0|ion0|ioni0|i0.*|flux|norm0|izero.*")
_TRANSMITTED = re.compile(r"i1|it|i?trans(mission|mitted|m)?|itr|ic1|ioni?1|absorbedbeam")
_REFERENCE = re.compile(r"i2|ir|i?ref(er|erence)?|muref(er|erence)?|mur|i3|ic2|ioni?[23]")
_ELECTRONS = re.compile(r"[tpcae]ey|ey|drain.*|electrons?|samplecurrent|isample|it?ey|tey.*|channeltron.*|cem\d?")
_FLUORESCENCE = re.compile(
    r"i?f{1,2}|i?fluo.*|[pi]?fy|s[ds]d.*|vortex.*|lytle.*|ketek.*|amptek.*|xflash.*|mca\d*|roi\d*|sca\d*|xrf.*|pips.*|"
    r"dxp.*|xmap.*|xspress.*|canberra.*|emission|fdet.*|fdiode|ge\d+|[a-z]{1,2}k(a|α|alpha|b|beta)\d?|k(a|α|alpha)\d?|蛍光.*"
)
_TOTAL_FLUORESCENCE = re.compile(r"tfy.*")
_ABSORPTION = re.compile(
    r"x?mu(t|x|trans|fluor|e|tey)?|ffi0|µ[xte]?|nor(m)?(trans|fluor|ali[sz]ed)?|flat(tened)?|xanes|xas|xafs|exafs|nexafs|"
    r"absorption|absorbance|abs|od|opticaldensity|吸収.*"
)
_DERIVED = re.compile(
    r"mu0|bkg|background|bg|(pre|post)(edge|line)?|chi|chi?k\d?|k\d?|der(iv(ative)?)?|err(or)?s?|std(dev)?|"
    r"uncertainty|residuals?|fit|model|baseline|weights?|variance|noise"
)
_INTENSITY = re.compile(
    r"intensit(y|é|ies)|intensité|counts?|cts|signal|y|sigma|spectrum|cps|i|data|int|zähler|強度|eels"
)
_RING = re.compile(r"ring.*|(sr|e|beam)current|storage.*")


def role_of(column: Column) -> Role:
    """The role that a column's name and unit speak for; UNKNOWN for a sample's name, and without a name."""
    words, unit = _words(column.name), column.unit or ""
    if not words:
        return Role.UNKNOWN
    if is_energy(column):
        return Role.ENERGY
    if _ANGLE_UNIT.fullmatch(unit) or _says(_ANGLE, words):
        return Role.ANGLE
    if all(map(_INDEX.fullmatch, words)):
        return Role.INDEX
    if "/" in column.name and _says(_INCIDENT, words[1:]):
        return Role.ABSORPTION  # TEY/I0: a ratio already
    role = next((role for pattern, role in _IN_ORDER if _says(pattern, words)), Role.UNKNOWN)
    return Role.TIME if role is Role.UNKNOWN and _TIME_UNIT.fullmatch(unit) else role


# what comes first holds: "mu (trans)" is an absorption, "mu error" an error
_IN_ORDER = (
    (_RING, Role.RING),
    (_TIME, Role.TIME),
    (_DERIVED, Role.DERIVED),
    (_ABSORPTION, Role.ABSORPTION),
    (_INCIDENT, Role.INCIDENT),
    (_TOTAL_FLUORESCENCE, Role.TOTAL_FLUORESCENCE),
    (_ELECTRONS, Role.ELECTRONS),
    (_FLUORESCENCE, Role.FLUORESCENCE),
    (_TRANSMITTED, Role.TRANSMITTED),
    (_REFERENCE, Role.REFERENCE),
    (_INTENSITY, Role.INTENSITY),
)


def is_energy(column: Column) -> bool:
    """Whether the name says energy beyond doubt."""
    words = _words(column.name)
    if set(words) & _NO_ENERGY or _ANGLE_UNIT.fullmatch(column.unit or ""):
        return False
    return _says(_ENERGY, words) or "".join(words).endswith("energy") or words in (["energy", "loss"], ["loss"])


def may_be_energy(column: Column) -> bool:
    """Whether the name says energy, or is a letter that often stands for it."""
    return is_energy(column) or " ".join(_words(column.name)) in _WEAK_ENERGY


def is_loss(column: Column) -> bool:
    """Whether the name says energy loss."""
    return "loss" in column.name.lower()


def is_readback(column: Column) -> bool:
    """Whether an energy was measured, not only asked for."""
    return any(
        re.fullmatch("achieved|attained|read(back)?|rbv|actual|measured|observed|encoder|enc", word)
        for word in _words(column.name)
    )


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[\s_\-:./()\[\]<>|*,{}$\"]+", name.lower()) if word]


_WHOLE_NAMES = {"k2", "k3", "ref", "reference"}  # that mean something else in a sample's name


def _says(pattern: re.Pattern, words: list[str]) -> bool:
    """Whether a word of a name fits; single letters, and the wave number k, only where they are the whole name."""
    whole = pattern.fullmatch("".join(words))
    return bool(whole or any(pattern.fullmatch(word) for word in words if len(word) > 1 and word not in _WHOLE_NAMES))
