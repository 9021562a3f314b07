"""The 9809 format of the Photon Factory and other Japanese beamlines: Bragg angles, and numbered detectors.

KEK Photon Factory, XAFS data format 9809 (pfxafs.kek.jp): a line for channels, one for their modes (1: I0,
2: transmission, 3: fluorescence), one for offsets, then angle as driven, angle as read, time and counts.
"""

from __future__ import annotations

import re

import numpy as np

from sikpdos.formats.columns import Column, Table, clean
from sikpdos.formats.sections import Section

FORMAT = "9809"
HC_EV_A = 12398.419843320026  # 2019 SI
_SPACING = re.compile(r"\bD\s*=\s*(\d+\.?\d*)", re.I)
_MEASURED = re.compile(r"([A-Za-z]+)\s*\(\s*\d\)\s*Repetition", re.I)


def plane_spacing_A(heading: list[str]) -> float | None:
    """Spacing of the monochromator's planes; None where the lines before a table are not of this format."""
    if not any(line.strip(" #").startswith("9809") for line in heading[:3]):
        return None
    found = next((m for line in heading if "mono" in line.lower() and (m := _SPACING.search(line[:200]))), None)
    return float(found[1]) if found and float(found[1]) > 0 else None


def table(section: Section, spacing_A: float) -> Table:
    """The table with its energies, computed from the angles as read."""
    angle = section.values[:, 1 if section.values.shape[1] > 3 else 0]
    with np.errstate(all="ignore"):
        energy_eV = HC_EV_A / (2 * spacing_A * np.sin(np.deg2rad(angle)))
    names = ["angle (c)", "angle (o)", "time", *_detectors(section.heading, max(section.values.shape[1] - 3, 0))]
    columns = [Column(name, None, values) for name, values in zip(names, section.values.T, strict=False)]
    words = f"energies computed from Bragg angles (d = {spacing_A:g} A)"
    return Table(
        columns=(Column("energy", "eV", energy_eV), *columns),
        source_format=FORMAT,
        title=_title(section.heading),
        warnings=(words, *section.warnings),
    )


def _title(heading: list[str]) -> str:
    """The second line's name, without its dates."""
    return clean(re.split(r"\s{2,}", heading[1][:200].strip())[0]) if len(heading) > 1 else ""


def _detectors(heading: list[str], count: int) -> list[str]:
    """Names of the channels: I0, and what the heading says was measured with it."""
    measured = next((m[1] for line in heading if (m := _MEASURED.search(line[:200]))), "")
    modes = next((line.split()[-count:] for line in heading if count > 0 and line.split()[:1] == ["Mode"]), [])
    behind = "It" if measured.lower().startswith("trans") else measured or "fluorescence"
    names = [{"1": "I0", "3": "fluorescence"}.get(mode, behind) for mode in modes]
    names += [f"channel {index}" for index in range(len(names) + 1, count + 1)]
    if names and "I0" not in names:
        names[0] = "I0"
    if measured and not measured.lower().startswith("trans"):
        names = [measured if name == "fluorescence" else name for name in names]
    return [name if names.index(name) == i else f"{name} {i + 1}" for i, name in enumerate(names)]
