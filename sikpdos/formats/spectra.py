"""Measured spectra from any file the suite reads: the content says the format, then the suffix."""

from __future__ import annotations

import os

from sikpdos import store
from sikpdos.formats.msa import is_msa, read_msa
from sikpdos.formats.plain_text import normalise
from sikpdos.formats.spectrum_set import SpectrumSet
from sikpdos.formats.text import read_text


def read_spectra(path: str | os.PathLike) -> list[SpectrumSet]:
    """All spectra of a file or of stdin ("-"), one set per energy axis.

    Raises SikpdosError, one line naming the file and the cause, for whatever cannot be read or is no spectrum.
    """
    name = store.display_name(path)
    text = normalise(store.read_bytes(path), name)
    if is_msa(text):
        return [read_msa(text, name)]
    return [read_text(text, name)]
