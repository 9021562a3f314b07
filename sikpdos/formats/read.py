"""The one door for measured spectra: the content says the format, then the suffix."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sikpdos.common import files, limits, npz
from sikpdos.common.errors import SikpdosError
from sikpdos.formats import hdf5
from sikpdos.formats.athena import is_athena, read_athena
from sikpdos.formats.columns import ColumnChoice, Table
from sikpdos.formats.columns_text import read_tables
from sikpdos.formats.emsa import is_msa, read_msa
from sikpdos.formats.nion import NPY_MAGIC, is_ndata, read_ndata, read_npy
from sikpdos.formats.npz_matrix import read_npz_matrix
from sikpdos.formats.rosetta import read_rosetta, rosetta_format
from sikpdos.formats.spectrum_set import SpectrumSet
from sikpdos.formats.table_spectra import spectra_of
from sikpdos.formats.text_numbers import normalise
from sikpdos.formats.xdi import is_xdi, read_xdi

GZIP_MAGIC = b"\x1f\x8b"
BINARY_SUFFIXES = (".npz", ".npy", ".ndata", ".dm3", ".dm4", ".hspy", ".nxs", ".h5", ".hdf5")
_HEAD_BYTES = 560
# what is not read, and what to do instead
_REFUSED = (
    (b"SIMPLE  =", "a FITS file: export the spectrum as text or CSV"),
    (b"%PDF", "a PDF document, no spectrum"),
    (b"\x89PNG", "a PNG image, no spectrum"),
    (b"\xff\xd8\xff", "a JPEG image, no spectrum"),
    (b"II*\0", "a TIFF image, no spectrum"),
    (b"MM\0*", "a TIFF image, no spectrum"),
    (b"\xd0\xcf\x11\xe0", "an old Office document: save the sheet as CSV"),
    (b"\0\0\0\5", "a Gatan file of version 5, which is not read: export it as text"),
)


@dataclass(frozen=True)
class Reading:
    """What the user wants of the files of spectra."""

    choice: ColumnChoice = field(default_factory=ColumnChoice)
    merge: bool = False  # all spectra are scans of one sample


@dataclass(frozen=True)
class Content:
    """What a file holds: tables whose columns are still to be chosen, or spectra."""

    tables: tuple[Table, ...] = ()
    spectra: tuple[SpectrumSet, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)  # spectra that cannot be used -> cause


def read_spectra(
    path: str | os.PathLike, data: bytes | None = None, choice: ColumnChoice = ColumnChoice()
) -> list[SpectrumSet]:
    """All spectra of a file or of stdin ("-"), or those of the choice: one set an energy axis.

    Reads EMSA/MAS, XDI, SPEC, Athena projects, columns of text, CSV and NPZ matrices, Nion Swift's files, NeXus and
    HyperSpy files (with h5py), Gatan's dm3 and dm4 and Ripple's rpl (with rosettasciio). `data` takes the place of the
    file's content where it was read already. Raises SikpdosError, one line naming the file and the cause, for whatever
    cannot be read, is no spectrum, or does not say which of its columns is which.
    """
    name = files.display_name(path)
    content = read_content(path, data)
    if content.tables:
        return spectra_of(content.tables, choice, name, content.left_out)
    if choice != ColumnChoice():
        raise SikpdosError("holds no scans and columns to choose from", name)
    return list(content.spectra)


def read_content(path: str | os.PathLike, data: bytes | None = None) -> Content:
    """A file's tables, or spectra where its format leaves nothing to choose (see `read_spectra`)."""
    name = files.display_name(path)
    # binary readers take what they need from the file themselves; a pipe can be read but once
    seekable = data is None and Path(path).is_file() and not str(path).endswith(".gz")
    if seekable and (content := _read_binary(path, _head(path), name)):
        return content
    data = files.read_bytes(path) if data is None else data
    if data.startswith(GZIP_MAGIC):  # Athena projects, and what a pipe brings
        data = limits.gunzip(data, path)
    return _read_binary(data, data[:_HEAD_BYTES], name) or _read_text(data, name)


def _head(path: str | os.PathLike) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read(_HEAD_BYTES)
    except OSError as error:
        raise SikpdosError(str(error.strerror or error), path) from error


def _read_binary(source: str | os.PathLike | bytes, head: bytes, name: str) -> Content | None:
    """What a binary file, or its content, holds; None if it is none of those known."""
    if npz.is_npz(head) and is_ndata(source):
        return Content(spectra=(read_ndata(source, name),))
    if head.startswith(NPY_MAGIC):
        return Content(spectra=(read_npy(source, name),))
    if npz.is_npz(head):
        return Content(spectra=(read_npz_matrix(source, name),))
    if head.startswith(hdf5.MAGIC) or head[512:].startswith(hdf5.MAGIC):  # behind MATLAB's own 512 bytes
        return Content(*hdf5.read_hdf5(source, name))
    if file_format := rosetta_format(head):
        return Content(spectra=tuple(read_rosetta(source, file_format, name)))
    for magic, words in _REFUSED:
        if head.startswith(magic):
            raise SikpdosError(words, name)
    return None


def _read_text(data: bytes, name: str) -> Content:
    suffix = Path(name.removesuffix(".gz")).suffix.lower()
    if data and suffix in BINARY_SUFFIXES:
        raise SikpdosError(f"not a {suffix[1:]} file", name)
    text = normalise(data, name)
    if is_msa(text):
        return Content(spectra=(read_msa(text, name),))
    if is_athena(text):
        tables, left_out = read_athena(text, name)
        return Content(tables=tuple(tables), left_out=left_out)
    return Content(tables=tuple(read_xdi(text, name) if is_xdi(text) else read_tables(text, name)))
