"""Measured spectra from any file the suite reads: the content says the format, then the suffix."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

from sikpdos.common import files
from sikpdos.common.errors import SikpdosError
from sikpdos.formats.athena import is_athena, read_athena
from sikpdos.formats.columns import ColumnChoice
from sikpdos.formats.columns_text import read_tables
from sikpdos.formats.emsa import is_msa, read_msa
from sikpdos.formats.npz_matrix import MAGIC as NPZ_MAGIC
from sikpdos.formats.npz_matrix import read_npz_matrix
from sikpdos.formats.rosetta import read_rosetta, rosetta_format
from sikpdos.formats.spectrum_set import SpectrumSet
from sikpdos.formats.table_spectra import spectra_of
from sikpdos.formats.text_numbers import normalise
from sikpdos.formats.xdi import is_xdi, read_xdi

GZIP_MAGIC = b"\x1f\x8b"
BINARY_SUFFIXES = (".npz", ".dm3", ".dm4", ".hspy")


def read_spectra(
    path: str | os.PathLike, data: bytes | None = None, choice: ColumnChoice = ColumnChoice()
) -> list[SpectrumSet]:
    """All spectra of a file or of stdin ("-"), one set per energy axis.

    Reads EMSA/MAS, XDI, Athena projects, columns of text, CSV and NPZ matrices, and through rosettasciio dm3, dm4
    and hspy. `data` takes the place of the file's content where it was read already. Raises SikpdosError, one line
    naming the file and the cause, for whatever cannot be read or is no spectrum.
    """
    name = files.display_name(path)
    # binary readers take what they need from the file themselves; a pipe can be read but once
    seekable = data is None and Path(path).is_file() and not str(path).endswith(".gz")
    if seekable and (binary := _read_binary(path, _head(path), name)):
        return binary
    data = files.read_bytes(path) if data is None else data
    if data.startswith(GZIP_MAGIC):  # Athena projects, and what a pipe brings
        data = _unpacked(data, name)
    return _read_binary(data, data[:8], name) or _read_text(data, name, choice)


def _head(path: str | os.PathLike) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read(8)
    except OSError as error:
        raise SikpdosError(f"{path}: {error.strerror or error}") from error


def _unpacked(data: bytes, name: str) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise SikpdosError(f"{name}: damaged gzip file ({error})") from error


def _read_binary(source: str | os.PathLike | bytes, head: bytes, name: str) -> list[SpectrumSet] | None:
    """The spectra of a binary file, or of its content; None if it is none of those known."""
    if head.startswith(NPZ_MAGIC):
        return [read_npz_matrix(source, name)]
    if file_format := rosetta_format(head):
        return read_rosetta(source, file_format, name)
    return None


def _read_text(data: bytes, name: str, choice: ColumnChoice) -> list[SpectrumSet]:
    suffix = Path(name.removesuffix(".gz")).suffix.lower()
    if data and suffix in BINARY_SUFFIXES:
        raise SikpdosError(f"{name}: not a {suffix[1:]} file")
    text = normalise(data, name)
    if is_msa(text):
        return [read_msa(text, name)]
    if is_athena(text):
        return read_athena(text, name)
    tables = read_xdi(text, name) if is_xdi(text) else read_tables(text, name)
    return spectra_of(tables, choice, name)
