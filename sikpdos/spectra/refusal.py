"""Why a spectrum cannot be used: a kind to count, and words for the user."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Fault(Enum):
    """Kinds of spectra that cannot be used, in words; maps number them from 1 in this order."""

    NOT_FINITE = "not finite"
    EMPTY = "empty"
    SATURATED = "saturated"
    NO_EDGE = "without an edge"
    NO_BACKGROUND = "without a background that fits"
    SPIKES = "with spikes"
    NOT_COVERED = "not measured over the whole window"
    NOT_SILICON = "no silicon K-edge"
    TOO_FLUORESCENT = "with more fluorescence than the sample can give"
    SCATTERED = "of scans that differ too much"


@dataclass(frozen=True)
class Refusal:
    """Why one spectrum is refused."""

    fault: Fault
    words: str  # what is wrong, where, and the way out

    def __str__(self) -> str:
        return self.words
