"""Many spectra in one file: CSV and NPZ matrices, read in blocks."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import tracemalloc
import zipfile

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from support import ROOT

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.read import read_spectra
from sikpdos.formats.spectrum_set import SpectrumSet, faults

ENERGY_EV = 1838 + 0.25 * np.arange(40)


def together(spectra: SpectrumSet, size: int = 4096):
    """Names, intensities and what was left out over all blocks."""
    blocks = list(spectra.blocks(size))
    left_out = {name: cause for block in blocks for name, cause in block.left_out.items()}
    return [n for b in blocks for n in b.names], np.concatenate([b.intensity for b in blocks]), left_out


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


MATRICES = hnp.arrays(
    st.sampled_from([np.float32, np.float64]),
    st.tuples(st.integers(1, 7), st.just(5)),
    elements=st.floats(0.5, 2.0**60, width=32),
)


@settings(max_examples=40, deadline=None)
@given(spectra=MATRICES, size=st.integers(1, 9), packed=st.booleans(), fortran=st.booleans(), reverse=st.booleans())
def test_npz_reads_back(tmp_path_factory, spectra, size, packed, fortran, reverse):
    path = tmp_path_factory.getbasetemp() / "matrix.npz"
    energy_eV = ENERGY_EV[:5]
    turned = slice(None, None, -1) if reverse else slice(None)
    stored = np.asfortranarray(spectra[:, turned]) if fortran else np.ascontiguousarray(spectra[:, turned])
    (np.savez_compressed if packed else np.savez)(path, energy_eV=energy_eV[turned], spectra=stored)
    [found] = read_spectra(path)
    names, intensity, left_out = together(found, size)
    np.testing.assert_array_equal(found.energy_eV, energy_eV)
    np.testing.assert_array_equal(intensity, spectra)
    assert intensity.dtype == spectra.dtype
    assert names == [str(i) for i in range(len(spectra))]
    assert not left_out
    assert bool(found.warnings) == reverse


@settings(max_examples=40, deadline=None)
@given(spectra=MATRICES, separator=st.sampled_from([",", ";", "\t"]), reverse=st.booleans())
def test_csv_reads_back(tmp_path_factory, spectra, separator, reverse):
    path = tmp_path_factory.getbasetemp() / "matrix.csv"
    table = np.column_stack([ENERGY_EV[:5], spectra.T.astype(float)])[:: -1 if reverse else 1]
    header = separator.join(["energy_eV", *(f"pixel {i}" for i in range(len(spectra)))])
    path.write_text(header + "\n" + "".join(separator.join(map(repr, row)) + "\n" for row in table.tolist()))
    [found] = read_spectra(path)
    names, intensity, _ = together(found, 3)
    np.testing.assert_array_equal(found.energy_eV, ENERGY_EV[:5])
    np.testing.assert_array_equal(intensity, spectra)
    assert names == ([str(path)] if len(spectra) == 1 else [f"pixel {i}" for i in range(len(spectra))])


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float16, ">f4"])
def test_other_numbers_become_floats(tmp_path, dtype):
    spectra = np.arange(1, 81).reshape(2, 40).astype(dtype)
    [found] = read_spectra(save(tmp_path / "m.npz", energy_eV=ENERGY_EV, spectra=spectra))
    _, intensity, _ = together(found)
    np.testing.assert_array_equal(intensity, np.arange(1, 81).reshape(2, 40))
    assert intensity.dtype in (np.float32, np.float64)


def test_ids_name_the_spectra(tmp_path):
    spectra = np.ones((2, 40), np.float32)
    [found] = read_spectra(save(tmp_path / "m.npz", energy_eV=ENERGY_EV, spectra=spectra, ids=np.array(["a", "b"])))
    assert together(found)[0] == ["a", "b"]


def test_bad_spectra_are_named_and_the_others_kept(tmp_path):
    spectra = np.random.default_rng(0).uniform(1, 2, (9, 40)).astype(np.float32)
    spectra[1, 3], spectra[4], spectra[5], spectra[8, 0] = np.nan, 0, -1, np.inf
    [found] = read_spectra(save(tmp_path / "m.npz", energy_eV=ENERGY_EV, spectra=spectra))
    names, intensity, left_out = together(found, 4)
    assert names == ["0", "2", "3", "6", "7"]
    np.testing.assert_array_equal(intensity, spectra[[0, 2, 3, 6, 7]])
    assert left_out == {
        "1": "intensity is nan in channel 4 of 40",
        "4": "all intensities are zero",
        "5": "no intensity is above zero",
        "8": "intensity is inf in channel 1 of 40",
    }


def test_absorption_may_lie_below_zero():
    assert faults(np.array([[-2.0, -1.0]]), "eels")
    assert not faults(np.array([[-2.0, -1.0]]), "xas")


def test_memory_does_not_grow_with_the_number_of_spectra(tmp_path):
    def peak(count: int) -> int:
        path = save(tmp_path / f"{count}.npz", energy_eV=ENERGY_EV, spectra=np.ones((count, 40), np.float32))
        tracemalloc.start()
        [found] = read_spectra(path)
        assert sum(len(block.names) for block in found.blocks(1000)) == count
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(40_000) < 1.2 * peak(4_000)


def test_float32_blocks_of_an_array_are_not_copied():
    array = np.ones((10, 40), np.float32)
    spectra = SpectrumSet(names=None, energy_eV=ENERGY_EV, intensity=array, kind="unknown")
    assert all(np.shares_memory(block.intensity, array) for block in spectra.blocks(4))


def npz_bytes(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def test_gzip_and_stdin(tmp_path):
    data = npz_bytes(energy_eV=ENERGY_EV, spectra=np.ones((3, 40), np.float32))
    path = tmp_path / "m.npz.gz"
    path.write_bytes(gzip.compress(data))
    assert together(read_spectra(path)[0])[1].shape == (3, 40)
    count = "from sikpdos.formats.read import read_spectra; print(*(len(s) for s in read_spectra('-')))"
    done = subprocess.run([sys.executable, "-c", count], input=data, capture_output=True, check=True, cwd=ROOT)
    assert done.stdout.split() == [b"3"]


GOOD = {"energy_eV": ENERGY_EV, "spectra": np.ones((3, 40))}


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"spectra": np.ones((3, 40))}, "no array 'energy_eV'"),
        ({"energy_eV": ENERGY_EV}, "no array 'spectra'"),
        ({**GOOD, "spectra": np.ones((40, 3))}, "expected (m, n)"),
        ({**GOOD, "spectra": np.ones(40)}, "expected (m, n)"),
        ({**GOOD, "spectra": np.ones((0, 40))}, "m > 0"),
        ({**GOOD, "spectra": np.full((3, 40), "a")}, "must be numbers"),
        ({**GOOD, "spectra": np.ones((3, 40), complex)}, "must be numbers"),
        ({**GOOD, "spectra": np.full((3, 40), None)}, "pickled objects, which are not read"),
        ({**GOOD, "energy_eV": np.full(40, None)}, "pickled objects, which are not read"),
        ({**GOOD, "ids": np.array(["a", "b"])}, "ids"),
        ({**GOOD, "ids": np.array(["a", "b", "a"])}, "ids"),
        ({**GOOD, "energy_eV": np.zeros(40)}, "energy 0 is repeated"),
        ({**GOOD, "energy_eV": np.full(40, np.nan)}, "energy is nan"),
    ],
)
def test_npz_that_cannot_be_used(tmp_path, arrays, words):
    path = tmp_path / "m.npz"
    path.write_bytes(npz_bytes(**arrays))
    with pytest.raises(SikpdosError) as caught:
        read_spectra(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_damaged_npz(tmp_path):
    path = tmp_path / "m.npz"
    data = npz_bytes(**GOOD)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(SikpdosError, match="damaged"):
        read_spectra(path)
    middle = data.index(np.ones(3).tobytes())
    path.write_bytes(data[:middle] + b"\x07" + data[middle + 1 :])  # the check sum tells
    with pytest.raises(SikpdosError, match="damaged"):
        together(read_spectra(path)[0])
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("energy_eV.npy", b"no array")
        archive.writestr("spectra.npy", b"")
    with pytest.raises(SikpdosError, match="damaged"):
        read_spectra(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("energy_eV,a,a\n1,1,2\n2,2,3\n", "column 'a' appears twice"),
        ("energy_eV,a,b\n1,1,2\n1,2,3\n", "energy 1 is repeated"),
        ("energy_eV,a\n1,1,2\n2,2,3\n", "does not name each of the 3 columns"),
        ("energy_eV,a,b\n1,1,2\n2,2\n", "line 3 has 2 numbers"),
        ("energy_eV,a,b\n", "no columns of numbers"),
    ],
)
def test_csv_that_cannot_be_used(tmp_path, text, words):
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(SikpdosError) as caught:
        read_spectra(path)
    assert words in str(caught.value)


def test_csv_names_may_hold_separators(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text('energy_eV,"Si, amorphous","b ""2"""\n1,1,2\n2,2,3\n')
    assert together(read_spectra(path)[0])[0] == ["Si, amorphous", 'b "2']
