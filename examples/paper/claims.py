"""Claims about numbers that differ from seed to seed, and the verdict on a finding made of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

TEST_OVER_TRAINING = 0.25  # sizes of the parts, 2:8
EXPLANATION = """\
A claim is a number for every seed (or draw of the noise) and a limit that it exceeds where the claim is true. It holds
where the mean is above the limit by more than its uncertainty (t-test, one-sided, 95 %), fails where it is as far
below, and is open between. Splits share sites, so their variance is corrected after Nadeau and Bengio
(10.1023/A:1024068626366). A finding is confirmed if all its claims hold, partly if some do."""


@dataclass(frozen=True)
class Claim:
    """A number that should be above a limit, once per seed."""

    text: str
    values: np.ndarray  # (k,)
    limit: float = 0.0
    unit: str = "%"
    resplit: bool = True  # the seeds are splits of the same sites
    denied: bool = False  # the claim is that the number is NOT above the limit

    @property
    def uncertainty(self) -> float:
        """Of the mean over k seeds: t s sqrt(1/k), for splits t s sqrt(1/k + test/training)."""
        k = len(self.values)
        if k < 2:
            return np.inf
        share = 1 / k + (TEST_OVER_TRAINING if self.resplit else 0.0)
        return float(stats.t.ppf(0.95, k - 1) * self.values.std(ddof=1) * np.sqrt(share))

    @property
    def state(self) -> str:
        distance = self.values.mean() - self.limit
        above, below = distance > self.uncertainty, distance < -self.uncertainty
        if self.denied:
            return "fails" if above else "holds"
        return "holds" if above else "fails" if below else "open"

    def row(self) -> str:
        limit = f"{'not ' if self.denied else ''}> {self.limit:g} {self.unit}".rstrip()
        mean = f"{mean_and_spread(self.values)} {self.unit}".rstrip()
        return f"| {self.text} | {mean} | {len(self.values)} | {self.uncertainty:.2g} | {limit} | {self.state} |"


def mean_and_spread(values: np.ndarray) -> str:
    """Mean and, of several, standard deviation."""
    return f"{values.mean():.3g}" + (f" ± {values.std(ddof=1):.2g}" if len(values) > 1 else "")


def verdict(claims: Sequence[Claim], words: Sequence[str] = ("confirmed", "partly", "not confirmed")) -> str:
    """All claims hold, some, or none; that a number does not rise counts only beside a claim that one does."""
    if all(claim.state == "holds" for claim in claims):
        return words[0]
    return words[1] if any(claim.state == "holds" for claim in claims if not claim.denied) else words[2]


def table(claims: Sequence[Claim]) -> str:
    head = ["| claim | mean ± spread | n | uncertainty of the mean | claimed | |", "| --- " * 6 + "|"]
    return "\n".join([*head, *(claim.row() for claim in claims)])
