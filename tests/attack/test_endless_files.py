"""Spectra that take readers long, or unpack without end."""

from __future__ import annotations

import contextlib
import gzip
import time

import numpy as np
import pytest

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.read import read_spectra

LONG = 100_000
SLOW_ONCE = {
    "blanks in an EMSA heading": b"#FORMAT : EMSA/MAS Spectral Data File\n#" + b" " * LONG + b"x\n#SPECTRUM : \n1\n2\n",
    "blanks in an XDI field": b"# XDI/1.0\n# Column.1" + b" " * LONG + b"\n# energy mu\n1838 1\n1839 2\n1850 3\n",
    "blanks between names": b"energy" + b" " * LONG + b"(mu\n1838 1\n1839 2\n1850 3\n",
    "open brackets": b"energy (" + b"(" * LONG + b" mu\n1838 1\n1839 2\n1850 3\n",
    "a long name": b"energy," + b"x" * 140_000 + b"\n1838,1\n1839,2\n1850,3\n",
    "a numbered list of blanks": b"# 1)" + b" " * LONG + b"2)\n1838 1\n1839 2\n1850 3\n",
    "escaped quotes": b"# Athena project file\n$old_group = 'a';\n@x = ('" + rb"\'" * LONG + b");\n",
    "deep JSON": b'{"_____header1": "# Athena project file -- x", "_____order": ' + b"[" * LONG,
    "quotes": b"energy,mu\n" + b'"' * LONG + b"\n1838,1\n1839,2\n1850,3\n",
    "empty lines": b"energy mu\n" + b"\n" * 900 + b"1838 1\n" + b"\n" * LONG + b"1839 2\n1850 3\n",
}


@pytest.mark.parametrize("name", SLOW_ONCE)
def test_long_lines_take_no_time(tmp_path, name):
    path = tmp_path / "x"
    path.write_bytes(SLOW_ONCE[name])
    start = time.process_time()
    with contextlib.suppress(SikpdosError):
        read_spectra(path)
    assert time.process_time() - start < 2


def test_what_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("SIKPDOS_MAX_BYTES", "100000")
    for name in ("x.csv.gz", "x.prj"):
        (tmp_path / name).write_bytes(gzip.compress(b"1838 1\n" * 100_000))
        with pytest.raises(SikpdosError, match=r"more than 0\.09537 MiB unpacked; SIKPDOS_MAX_BYTES raises this limit"):
            read_spectra(tmp_path / name)
    with pytest.raises(SikpdosError, match="unpacked"):
        read_spectra("/dev/zero")


def test_spectra_that_unpack_to_far_more_than_measured_ones_do(tmp_path, monkeypatch):
    monkeypatch.setenv("SIKPDOS_MAX_BYTES", "100000")
    energy_eV = np.linspace(1830, 1870, 161)
    rng = np.random.default_rng(0)
    np.savez_compressed(tmp_path / "counts.npz", energy_eV=energy_eV, spectra=rng.poisson(20, (900, 161)))
    assert len(read_spectra(tmp_path / "counts.npz")[0]) == 900
    np.savez_compressed(tmp_path / "zeros.npz", energy_eV=energy_eV, spectra=np.zeros((90_000, 161), np.uint8))
    np.savez(tmp_path / "words.npz", energy_eV=energy_eV, spectra=np.ones((2, 161)), ids=np.array(["x" * 50_000] * 2))
    for name in ("zeros", "words"):
        with pytest.raises(SikpdosError, match="unpacked; SIKPDOS_MAX_BYTES"):
            read_spectra(tmp_path / f"{name}.npz")
