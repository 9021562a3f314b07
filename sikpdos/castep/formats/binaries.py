"""CASTEP's binary projections, `.pdos_bin`, `.elnes_bin` and the older `.eels_mat`: big-endian Fortran records.

Layouts of file version 1.0 as in OptaDOS's user guide (10.1016/j.cpc.2014.02.013). `.eels_mat`, of the ELNES
task, has no version and one record for each core orbital and band.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass

import numpy as np

from sikpdos.common import files
from sikpdos.common.errors import SikpdosError


@dataclass(frozen=True)
class PdosWeights:
    """Weights of every band on the atomic orbitals."""

    producer: str  # the file's header, with CASTEP's version
    kpoints: np.ndarray  # (n_k, 3) fractional
    species: np.ndarray  # (n_orbitals,) from 1, in CASTEP's order
    atom: np.ndarray  # (n_orbitals,) from 1, in its species
    angular_momentum: np.ndarray  # (n_orbitals,) 0 s, 1 p, 2 d, 3 f
    weight: tuple[np.ndarray, ...]  # one (n_k, n_bands, n_orbitals) array a spin


@dataclass(frozen=True)
class CoreStrengths:
    """Isotropic dipole strengths between the 1s orbitals and bands."""

    producer: str
    species: np.ndarray  # (n_orbitals,) from 1
    atom: np.ndarray  # (n_orbitals,) from 1, in its species
    strength: tuple[np.ndarray, ...]  # one (n_k, n_bands, n_orbitals) array a spin: (|x|^2 + |y|^2 + |z|^2) / 3, bohr^2


def _mapped(path: str | os.PathLike) -> bytes | mmap.mmap:
    """A file's bytes without reading them all: matrix elements of a large supercell take gigabytes."""
    if str(path).endswith(".gz"):
        return files.read_bytes(path)
    try:
        with open(path, "rb") as stream:
            return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except ValueError:  # an empty file
        return b""
    except OSError as error:
        raise SikpdosError(str(error.strerror or error), path) from error


class _Records:
    """Fortran sequential records, read in order."""

    def __init__(self, path: str | os.PathLike):
        self.name = files.display_name(path)
        self.data = _mapped(path)
        self.at = 0
        self.producer = ""

    def version(self) -> None:
        """Read version and header. Raises SikpdosError for other files than CASTEP's of version 1.0."""
        if self.data[:4] == b"\x08\x00\x00\x00":
            raise SikpdosError("little-endian; CASTEP writes its files big-endian", self.name)
        if self.data[:4] != b"\x00\x00\x00\x08":
            cause = "empty file" if not self.data else "not a CASTEP file of version 1.0 (CASTEP 6 and later)"
            raise SikpdosError(cause, self.name)
        version = float(self.next(">f8", 1)[0])
        if version != 1.0:
            raise SikpdosError(f"file version {version:g}; only 1.0 is known", self.name)
        self.producer = self.next_bytes().decode("latin-1").strip()

    def next_bytes(self) -> bytes:
        length = self.next_length()
        body = self.data[self.at + 4 : self.at + 4 + length]
        self.at += length + 8
        return body

    def next_length(self) -> int:
        """Bytes of the next record, whose two markers must agree."""
        head = self.data[self.at : self.at + 4]
        length = int.from_bytes(head, "big")
        end = self.at + 4 + length
        if len(head) < 4 or self.data[end : end + 4] != head:
            cause = "truncated" if end + 4 > len(self.data) else "damaged (record markers disagree)"
            raise SikpdosError(f"{cause} at byte {self.at} of {len(self.data)}", self.name)
        return length

    def next(self, dtype: str, count: int) -> np.ndarray:
        body = self.next_bytes()
        if len(body) != count * np.dtype(dtype).itemsize:
            raise SikpdosError(f"record before byte {self.at}: {len(body)} bytes, expected {count} {dtype}", self.name)
        return np.frombuffer(body, dtype)

    def integer(self) -> int:
        return int(self.next(">i4", 1)[0])

    def size(self, most: int | None = None) -> int:
        """A number of things that the file holds, at least 8 bytes each. Raises SikpdosError where it cannot."""
        value = self.integer()
        if not 1 <= value <= (len(self.data) // 8 if most is None else most):
            raise SikpdosError(f"damaged: {value} before byte {self.at} is no possible number of things", self.name)
        return value

    def integers(self, count: int) -> np.ndarray:
        return self.next(">i4", count).astype(int)

    def equal_rows(self, n_rows: int, row_length: int) -> np.ndarray:
        """`n_rows` records of `row_length` doubles each, (n_rows, row_length), in one step."""
        size = row_length * 8 + 8
        block = np.frombuffer(self.data, np.uint8, min(n_rows * size, len(self.data) - self.at), self.at)
        marker = np.frombuffer((row_length * 8).to_bytes(4, "big"), np.uint8)
        if block.size < n_rows * size:
            raise SikpdosError(f"truncated at byte {len(self.data)}, inside the band weights", self.name)
        block = block.reshape(n_rows, size)
        if not ((block[:, :4] == marker).all() and (block[:, -4:] == marker).all()):
            raise SikpdosError(f"damaged (record markers disagree) after byte {self.at}", self.name)
        self.at += n_rows * size
        return np.ascontiguousarray(block[:, 4:-4]).view(">f8").astype(float)

    def finish(self) -> None:
        if self.at != len(self.data):
            raise SikpdosError(f"{len(self.data) - self.at} bytes after the last record", self.name)


def read_pdos_bin(path: str | os.PathLike) -> PdosWeights:
    """Read a `.pdos_bin` file. Raises SikpdosError for a truncated, damaged or foreign one."""
    records = _Records(path)
    records.version()
    n_k, n_spins, n_orbitals, max_bands = records.size(), records.size(2), records.size(), records.size()
    species, atom, angular_momentum = (records.integers(n_orbitals) for _ in range(3))
    kpoints = np.empty((n_k, 3))
    weights: list[list[np.ndarray]] = [[] for _ in range(n_spins)]
    for k in range(n_k):
        kpoints[k] = np.frombuffer(records.next("V28", 1).tobytes()[4:], ">f8")
        for weight in weights:
            records.integer()  # spin number
            weight.append(records.equal_rows(min(records.size(), max_bands), n_orbitals))
    records.finish()
    return PdosWeights(
        producer=records.producer,
        kpoints=kpoints,
        species=species,
        atom=atom,
        angular_momentum=angular_momentum,
        weight=_stack(weights, records.name),
    )


def read_core_strengths(path: str | os.PathLike) -> CoreStrengths:
    """Read an `.elnes_bin` file, or the `.eels_mat` file of the older ELNES task.

    Raises SikpdosError for a truncated, damaged or foreign one.
    """
    records = _Records(path)
    if not str(path).endswith(".eels_mat"):
        records.version()
    elif records.data[:4] != b"\x00\x00\x00\x04":
        raise SikpdosError("not a CASTEP .eels_mat file" if records.data else "empty file", records.name)
    n_orbitals, max_bands, n_k, n_spins = records.size(), records.size(), records.size(), records.size(2)
    species, atom, shell, _lm = (records.integers(n_orbitals) for _ in range(4))
    kept = np.flatnonzero(shell == 1)
    strengths: list[list[np.ndarray]] = [[] for _ in range(n_spins)]
    for _ in range(n_k):
        for strength in strengths:
            read = _strengths_by_orbital if records.next_length() == 48 else _strengths_in_one_record
            strength.append(read(records, n_orbitals, max_bands, kept))
    records.finish()
    return CoreStrengths(records.producer, species[kept], atom[kept], _stack(strengths, records.name))


def _strengths_in_one_record(records: _Records, n_orbitals: int, max_bands: int, kept: np.ndarray) -> np.ndarray:
    """Strengths at one k-point (n_bands, n_kept): a record of all elements, orbitals running fastest."""
    elements = records.next(">c16", records.next_length() // 16)
    if not 0 < elements.size <= 3 * max_bands * n_orbitals or elements.size % (3 * n_orbitals):
        raise SikpdosError(f"record before byte {records.at} has {elements.size} elements", records.name)
    elements = elements.reshape(3, -1, n_orbitals)[:, :, kept]
    return (elements.real**2 + elements.imag**2).sum(axis=0) / 3


def _strengths_by_orbital(records: _Records, n_orbitals: int, max_bands: int, kept: np.ndarray) -> np.ndarray:
    """Strengths at one k-point (n_bands, n_kept): a record of x, y, z for each band of each orbital."""
    rows = records.equal_rows(n_orbitals * max_bands, 6)
    return (rows**2).sum(axis=1).reshape(n_orbitals, max_bands)[kept].T / 3


def _stack(parts: list[list[np.ndarray]], name: str) -> tuple[np.ndarray, ...]:
    """One finite (n_k, n_bands, n_orbitals) array a spin."""
    if any(len({p.shape for p in spin}) != 1 for spin in parts):
        raise SikpdosError("the number of bands changes from k-point to k-point", name)
    arrays = tuple(np.array(spin) for spin in parts)
    if not all(np.isfinite(a).all() for a in arrays):
        raise SikpdosError("NaN or infinity among the weights", name)
    return arrays
