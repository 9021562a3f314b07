"""Small files of every format that `formats.read` knows, to be damaged: name -> content."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

FIXTURES = Path(__file__).parents[1] / "fixtures"
_LINES = 60  # of a text that are kept: small inputs are read faster
_LARGEST = 400_000


def seeds(folders: Iterable[Path] = ()) -> dict[str, bytes]:
    """Own files, the fixtures, and all files of further folders."""
    files = sorted(
        path for folder in (FIXTURES / "bugs", FIXTURES / "measured", *folders) for path in folder.rglob("*")
    )
    found = {path.name: path.read_bytes() for path in files if path.is_file() and path.stat().st_size < _LARGEST}
    found = {name: _shortened(data) for name, data in found.items() if not name.endswith(".md")}
    return found | _athena() | _matrices() | _hdf5()


def _shortened(data: bytes) -> bytes:
    """A text's first lines and its last three."""
    lines = data.split(b"\n")
    if b"\0" in data or len(lines) < _LINES:
        return data
    step = max(1, (len(lines) - 33) // (_LINES - 33))
    return b"\n".join(lines[:30] + lines[30:-3:step] + lines[-3:])


def _athena() -> dict[str, bytes]:
    energy, mu = [f"{1800 + i}" for i in range(60)], [f"{0.1 * (i > 39) + 0.3:.3f}" for i in range(60)]
    group = (
        "$old_group = 'abcd';\n@args = ('label','Si \\'a\\'','bkg_eshift','0.5','is_chi','0');\n"
        f"@x = ({','.join(map(repr, energy))});\n@y = ({','.join(map(repr, mu))});\n[record]\n\n"
    )
    perl = ("# Athena project file -- Demeter version 0.9.25\n\n" + 2 * group).encode()
    record = {"args": {"label": "quartz", "bkg_eshift": 0.5}, "x": energy, "y": mu}
    larch = {"_____header1": "# Athena project file -- Demeter version 0.9.24", "_____order": ["q"], "q": record}
    plain = {"perl.prj": perl, "json.prj": json.dumps(larch).encode()}
    return plain | {f"packed-{name}": gzip.compress(data, mtime=0) for name, data in plain.items()}


def _matrices() -> dict[str, bytes]:
    energy_eV = 1830 + 0.5 * np.arange(60)
    spectra = 1 + (energy_eV > 1840) * np.ones((4, 1))
    stream, packed = io.BytesIO(), io.BytesIO()
    np.savez(stream, energy_eV=energy_eV, spectra=spectra, ids=list("abcd"))
    np.savez_compressed(packed, energy_eV=energy_eV, spectra=np.asfortranarray(spectra))
    rows = "".join(f"{e},{s},{2 * s}\n" for e, s in zip(energy_eV, spectra[0], strict=True))
    text = f"energy_eV,a,b\n{rows}".encode()
    return {"plain.npz": stream.getvalue(), "packed.npz": packed.getvalue(), "matrix.csv": text}


def _hdf5() -> dict[str, bytes]:
    try:
        import h5py
    except ModuleNotFoundError:
        return {}
    return {"bliss.h5": _written(h5py, write_bliss), "image.hspy": _written(h5py, write_hyperspy)}


def _written(h5py, write) -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        write(file)
    return stream.getvalue()


def write_bliss(file, scans: Iterable[str] = ("1.1", "2.1")) -> None:
    """Two scans as ESRF's control system lays them out: detectors linked into `measurement`."""
    energy_keV = 1.8 + 0.0005 * np.arange(200)
    edge = 1 / (1 + np.exp(-(energy_keV - 1.839) * 3000))
    for scan in scans:
        entry = file.create_group(scan)
        entry.attrs["NX_class"], entry["title"] = "NXentry", "ascan energy 1.8 1.9"
        instrument, measured = entry.create_group("instrument"), entry.create_group("measurement")
        columns = {
            "energy": energy_keV,
            "elapsed_time": np.arange(200.0),
            "I0": np.full(200, 1e5),
            "fluo": 10 + 90 * edge,
        }
        for name, values in columns.items():
            instrument[f"{name}/data"] = values
            measured[name] = instrument[f"{name}/data"]
        instrument["energy/data"].attrs["units"] = "keV"


def write_hyperspy(file) -> None:
    """A spectrum image of 2 by 2 pixels as HyperSpy lays it out."""
    file.attrs["file_format"] = "HyperSpy"
    group = file.create_group("Experiments/image")
    group["data"] = np.ones((2, 2, 50)) + (np.arange(50) > 20)
    for number, (size, unit) in enumerate([(2, "nm"), (2, "nm"), (50, "eV")]):
        axis = group.create_group(f"axis-{number}")
        axis.attrs.update(name="x", size=size, scale=0.5, offset=1830.0 * (unit == "eV"), units=unit)
    group.create_group("metadata/Signal").attrs["signal_type"] = "EELS"
    group.create_group("metadata/General").attrs["title"] = "image"
