"""Single files to columns: what `parse-odo FILE...` prints. How columns are named is told in columns.py."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import numpy as np

from sikpdos.castep import columns, folder
from sikpdos.castep.binary import binary_table
from sikpdos.castep.columns import Choice, Table
from sikpdos.castep.formats import optados_core, optados_dat
from sikpdos.castep.formats.kind import HEAD_BYTES, Kind, kind_of
from sikpdos.castep.formats.odo import OdoRun, read_odo
from sikpdos.common import files, limits
from sikpdos.common.errors import SikpdosError, naming


def parse(paths: Sequence[str], choice: Choice) -> Table:
    """Columns of one file, or of the several PDOS files of one run ("-" is stdin).

    Raises SikpdosError for files of a kind that is not known, and whatever is wrong in them.
    """
    contents = [_read(path, choice) for path in paths]
    if len(contents) == 1 and isinstance(contents[0], Table):
        return contents[0]
    parts = []
    for path, content in zip(paths, contents, strict=True):
        if not isinstance(content, optados_dat.Pdos):
            raise SikpdosError("not a PDOS file; only those are combined", path)
        parts.append(content)
    return _pdos(optados_dat.merge(parts, [files.display_name(p) for p in paths]), paths[0], choice)


def _read(path: str, choice: Choice) -> Table | optados_dat.Pdos:
    """One file, whatever its kind; a PDOS, which may have others beside it, stays one."""
    with _seekable(path) as stream:
        kind = kind_of(path, stream.read(HEAD_BYTES))
        stream.seek(0)
        with naming(path):
            if kind is Kind.PDOS:
                return optados_dat.parse_pdos(limits.read(stream, path))
            if kind is Kind.DOS:
                return _dos(limits.read(stream, path), path, choice)
            if kind is Kind.CORE:
                return _core(stream, path, choice)
            if kind is Kind.LOG:
                return _log(read_odo(path, data=limits.read(stream, path)))
    return binary_table(Path(path), choice)


@contextmanager
def _seekable(path: str) -> Iterator[BinaryIO]:
    """A file or stdin as a stream that can go back; what is unpacked or comes from a pipe is held in memory."""
    if path == files.STDIO or path.endswith(".gz"):
        yield io.BytesIO(files.read_bytes(path))
        return
    try:
        with open(path, "rb") as stream:
            yield stream
    except OSError as error:
        raise SikpdosError(str(error.strerror or error), path) from error


def _log(run: OdoRun) -> Table:
    """A log's facts, a column each."""
    return Table({key: np.array([_cell_text(value)]) for key, value in asdict(run).items()})


def _dos(text: bytes, path: str, choice: Choice) -> Table:
    dos = optados_dat.parse_dos(text)
    table = Table({"energy_eV": dos.energy_eV, "dos": dos.density, "integrated": dos.integrated})
    return _shifted(table, path, "dos", choice)


def _core(stream: BinaryIO, path: str, choice: Choice) -> Table:
    block = optados_core.choose_block(optados_core.find_blocks(stream), choice.edge, choice.site)
    edge = optados_core.read_block(stream, block)
    table = Table({"energy_eV": edge.energy_eV, "edge": edge.strength})
    if edge.broadened is not None:
        table.columns["edge_broadened"] = edge.broadened
    return _shifted(table, path, "core", choice)


def _pdos(pdos: optados_dat.Pdos, path: str, choice: Choice) -> Table:
    name = files.display_name(path)
    cell = folder.find_cell(folder.seed_of(Path(path))) if path != files.STDIO else None
    with naming(path):
        named = columns.site_columns(pdos, choice.site, cell) if choice.site else columns.name_columns(pdos)
    table = Table({"energy_eV": pdos.energy_eV, **named})
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
        raise SikpdosError(f"its last run of task {task} has no 'Execution complete': aborted or cut", log)
    if run.counts_from_fermi(task, spin):
        return 0.0, ""
    if run.fermi_eV is None:
        return 0.0, f"{log}: no Fermi level in it: energies as in {name}"
    return run.fermi_eV, ""


def _cell_text(value: object) -> str:
    return " ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
