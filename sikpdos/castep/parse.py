"""Single files to columns: what `parse-odo FILE...` prints. How columns are named is told in columns.py."""

from __future__ import annotations

import gzip
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from sikpdos.castep import columns, folder
from sikpdos.castep.binary import binary_table
from sikpdos.castep.columns import Choice, Table
from sikpdos.castep.formats import optados_core, optados_dat
from sikpdos.castep.formats.odo import read_odo
from sikpdos.common import files
from sikpdos.common.errors import SikpdosError


def parse(paths: Sequence[str], choice: Choice) -> Table:
    """Columns of one file, or of the several PDOS files of one run ("-" is stdin).

    Raises SikpdosError for files of a kind that is not known, and whatever is wrong in them.
    """
    if len(paths) == 1 and paths[0].endswith(".odo"):
        return Table({key: [_cell_text(value)] for key, value in asdict(read_odo(paths[0])).items()})
    if len(paths) == 1 and paths[0].endswith((".pdos_bin", ".elnes_bin", ".eels_mat")):
        return binary_table(Path(paths[0]), choice)
    tables = []
    for path in paths:
        with _seekable(path) as stream:
            tables.append(_text(stream, path, choice))
    if len(tables) == 1 and not isinstance(tables[0], optados_dat.Pdos):
        return tables[0]
    others = [path for path, t in zip(paths, tables, strict=True) if not isinstance(t, optados_dat.Pdos)]
    if others:
        raise SikpdosError(f"{others[0]}: not a PDOS file; only those are joined")
    return _pdos(optados_dat.merge(tables, [files.display_name(p) for p in paths]), paths[0], choice)


@contextmanager
def _seekable(path: str) -> Iterator[BinaryIO]:
    """A file or stdin as a stream that can go back; stdin goes through a temporary file, not memory."""
    if path == files.STDIO:
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
            copy.seek(0)
            yield copy
        return
    try:
        with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as stream:
            yield stream
    except (OSError, EOFError, zlib.error) as error:
        raise SikpdosError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def _text(stream: BinaryIO, path: str, choice: Choice) -> Table | optados_dat.Pdos:
    name = files.display_name(path)
    head = stream.read(2000)
    stream.seek(0)
    if not head.strip():
        raise SikpdosError(f"{name}: empty file")
    if optados_dat.is_pdos(head):
        return optados_dat.parse_pdos(stream.read(), name)
    if optados_dat.is_dos(head):
        dos = optados_dat.parse_dos(stream.read(), name)
        table = Table({"energy_eV": dos.energy_eV, "dos": dos.density, "integrated": dos.integrated})
        return _shifted(table, path, "dos", choice)
    if b"Core loss function" in head:
        return _core(stream, path, choice)
    raise SikpdosError(f"{name}: line 1: not an OptaDOS density of states, PDOS or core-loss file")


def _core(stream: BinaryIO, path: str, choice: Choice) -> Table:
    name = files.display_name(path)
    block = optados_core.choose_block(optados_core.find_blocks(stream, name), name, choice.edge, choice.site)
    edge = optados_core.read_block(stream, block, name)
    table = Table({"energy_eV": edge.energy_eV, "edge": edge.strength})
    if edge.broadened is not None:
        table.columns["edge_broadened"] = edge.broadened
    return _shifted(table, path, "core", choice)


def _pdos(pdos: optados_dat.Pdos, path: str, choice: Choice) -> Table:
    name = files.display_name(path)
    cell = folder.find_cell(folder.seed_of(Path(path))) if path != files.STDIO else None
    with folder.naming(name):
        found = columns.site_columns(pdos, choice.site, cell) if choice.site else columns.name_columns(pdos)
    table = Table({"energy_eV": pdos.energy_eV, **found})
    if cell and len(cell.rotations) > 1 and not choice.site:
        n = len(cell.rotations)
        table.notes.append(f"{name}: k-points reduced by {n} operations: single atoms are right with --site only")
    return _shifted(table, path, "pdos", choice, pdos.spin_polarised)


def _shifted(table: Table, path: str, task: str, choice: Choice, spin: bool = False) -> Table:
    """Energies from the Fermi level where it is known: given, or in the log beside the file."""
    shift, note = _fermi_shift(path, task, choice, spin)
    table.columns["energy_eV"] = table.columns["energy_eV"] - shift
    table.notes += [note] if note else []
    return table


def _fermi_shift(path: str, task: str, choice: Choice, spin: bool) -> tuple[float, str]:
    if choice.absolute or choice.fermi_eV is not None:
        return choice.fermi_eV or 0.0, ""
    name = files.display_name(path)
    log = folder.beside(folder.seed_of(Path(path)), ".odo")
    if path == files.STDIO or not log.exists():
        return 0.0, f"{name}: no log beside it: energies as in the file (--fermi subtracts a Fermi level)"
    run = read_odo(log, task)
    if not run.complete:
        raise SikpdosError(f"{log}: its last run of task {task} has no 'Execution complete': aborted or cut")
    if run.counts_from_fermi(task, spin):
        return 0.0, ""
    if run.fermi_eV is None:
        return 0.0, f"{log}: no Fermi level in it: energies as in {name}"
    return run.fermi_eV, ""


def _cell_text(value: object) -> str:
    return " ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
