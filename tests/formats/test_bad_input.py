"""What people hand in by mistake: one line that names the file and the cause, at once."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from support import ROOT, assert_one_line_failure

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.emsa import write_msa
from sikpdos.formats.read import read_spectra

MSA = """#FORMAT      : EMSA/MAS Spectral Data File
#VERSION     : 1.0
#TITLE       : Si K
#NPOINTS     : 4
#NCOLUMNS    : 1
#XUNITS      : {unit}
#YUNITS      : counts
#DATATYPE    : {datatype}
#XPERCHAN    : {step}
#OFFSET      : {offset}
#SIGNALTYPE  : ELS
#SPECTRUM    : Spectral Data Starts Here
{data}#ENDOFDATA   : End Of Data and File
"""


def msa(data: str, unit="eV", datatype="XY", step="1", offset="1840") -> bytes:
    return MSA.format(data=data, unit=unit, datatype=datatype, step=step, offset=offset).encode()


def pickled() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, energy_eV=np.arange(3.0), spectra=np.full((2, 3), None))
    return buffer.getvalue()


BAD = {
    "empty.msa": (b"", "empty file"),
    "blank.txt": (b" \n\n\t\n", "empty file"),
    "junk.msa": (bytes(range(256)) * 20, "binary file"),
    "junk.txt": (b"\xff\xfe" + bytes([0xD8, 0xD8]) * 9, "damaged UTF-16"),
    "image.png": (b"\x89PNG\r\n\x1a\n" + bytes(range(100)), "a PNG image, no spectrum"),
    "archive.zip": (b"PK\x03\x04" + bytes(100), "damaged NPZ file"),
    "words.csv": (b"Dear Sir or Madam,\nno spectrum here.\n", "no columns of numbers"),
    "page.txt": (b"<html><body>404 not found</body></html>", "no columns of numbers"),
    "list.npz": (b"1840 1\n1841 2\n", "not a npz file"),
    "pickled.npz": (pickled(), "pickled objects, which are not read"),
    "header.msa": (msa(""), "no data after #SPECTRUM"),
    "no_start.msa": (msa("").split(b"#SPECTRUM")[0], "no #SPECTRUM line"),
    "words.msa": (msa("1840, a\n1841, b\n", datatype="Y"), "cannot read 'a' as a number"),
    "uneven.msa": (msa("1840, 1\n1841\n1842, 2\n"), "line 14 is not made of pairs"),
    "no_step.msa": (msa("1\n2\n3\n", datatype="Y", step=""), "no XPERCHAN"),
    "zero_step.msa": (msa("1\n2\n3\n", datatype="Y", step="0"), "XPERCHAN is zero"),
    "no_offset.msa": (msa("1\n2\n3\n", datatype="Y", offset=""), "no OFFSET"),
    "wavelength.msa": (msa("1\n2\n3\n", datatype="Y", unit="nm"), "energies in 'nm'"),
    "nan.msa": (msa("1840, 1\n1841, NaN\n1842, 2\n"), "intensity is nan in channel 2 of 3"),
    "infinite.msa": (msa("1840, 1\n1841, -inf\n1842, 2\n"), "intensity is -inf in channel 2 of 3"),
    "overflow.msa": (msa("1840, 1\n1841, ********\n1842, 2\n"), "cannot read '********'"),
    "no_exponent.txt": (b"1840 1\n1841 0.43-314\n1842 2\n", "cannot read '0.43-314'"),
    "nan_energy.txt": (b"1840 1\nnan 2\n1842 2\n", "energy is nan in channel 2 of 3"),
    "repeated.msa": (msa("1850, 1\n1850, 2\n1850, 3\n1850, 2\n"), "energy 1850 is repeated"),
    "zigzag.txt": (b"1840 1\n1849 2\n1842 3\n1843 2\n", "energies neither increase nor decrease: 1842 follows 1849"),
    "one.msa": (msa("1840, 1\n"), "only one energy channel"),
    "one.txt": (b"energy,counts\n1840,3\n", "only one energy channel"),
    "zeros.msa": (msa("0\n0\n0\n0\n", datatype="Y"), "all intensities are zero"),
    "negative.msa": (msa("-1\n-2\n-3\n0\n", datatype="Y"), "no intensity is above zero"),
    "gone.msa.gz": (b"\x1f\x8b\x08\x00" + bytes(30), "damaged gzip file"),
    "plain.msa.gz": (b"1840 1\n", "gzip"),
}
FINE = {
    "keV.msa": msa("1\n2\n3\n4\n", datatype="Y", unit="keV", step="0.001", offset="1.840"),
    "decreasing.txt": b"1843 4\n1842 3\n1841 2\n1840 1\n",
    "utf16.msa": msa("1840, 1\n1841, 2\n1842, 3\n1843, 4\n").decode().encode("utf-16"),
    "utf16.csv": "energy_eV,Zähler\n1840,1\n1841,2\n1842,3\n1843,4\n".encode("utf-16"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files(tmp_path, name):
    content, words = BAD[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SikpdosError) as caught:
        read_spectra(path)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", FINE)
def test_odd_but_fine_files(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(FINE[name])
    [spectra] = read_spectra(path)
    np.testing.assert_allclose(spectra.energy_eV, [1840, 1841, 1842, 1843])
    np.testing.assert_array_equal(spectra.intensity, [[1, 2, 3, 4]])


def test_missing_file_folder_and_unreadable_file(tmp_path):
    with pytest.raises(SikpdosError, match="No such file"):
        read_spectra(tmp_path / "nothing.msa")
    with pytest.raises(SikpdosError, match="Is a directory"):
        read_spectra(tmp_path)
    with pytest.raises(SikpdosError, match="No such file"):
        read_spectra(tmp_path / "nothing.msa.gz")


def test_a_pipe_is_read_like_a_file(tmp_path):
    content = tmp_path / "x.txt"
    content.write_bytes(FINE["decreasing.txt"])
    script = "from sikpdos.formats.read import read_spectra; print(read_spectra('/dev/stdin')[0].energy_eV[0])"
    line = f'cat {content} | {sys.executable} -c "{script}"'
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "1840.0\n"


def outcome(path) -> str:
    """What reading ends in: the message, or "" for finite spectra. Anything but SikpdosError escapes."""
    try:
        sets = read_spectra(path)
    except SikpdosError as error:
        return str(error)
    assert all(np.isfinite(spectra.intensity).all() for spectra in sets)
    return ""


@pytest.mark.parametrize(
    "head", [b"", b"PK\x03\x04", b"\0\0\0\4", b"\x89HDF\r\n\x1a\n", b"\x1f\x8b\x08\0", b"# XDI/1.0\n"]
)
def test_random_bytes_are_refused(tmp_path, head):
    path = tmp_path / "x"
    for seed in range(20):
        path.write_bytes(head + np.random.default_rng(seed).bytes(400))
        assert outcome(path).startswith(f"{path}: ")


def test_files_cut_anywhere_are_refused_or_read(tmp_path):
    path = tmp_path / "x.msa"
    text = msa("1840, 1\n1841, 2\n1842, 3\n")
    outcomes = []
    for end in range(len(text)):
        path.write_bytes(text[:end])
        outcomes.append(outcome(path))
    first = outcomes.index("")
    assert text[:first].endswith(b"1841, 2")  # two channels are the least
    assert all(message.startswith(f"{path}: ") for message in outcomes[:first])


def test_hundred_megabytes_of_junk_fail_before_they_are_parsed(tmp_path):
    path = tmp_path / "junk.txt"
    with open(path, "wb") as stream:
        stream.write(b"energy counts\n")
        stream.truncate(100_000_000)  # zeros
    with pytest.raises(SikpdosError, match="binary file"):
        read_spectra(path)


def test_hundred_megabytes_of_text(tmp_path):
    """Within four times the file's size of memory (the text, and twice its numbers)."""
    path = tmp_path / "long.csv"
    count = 2_500_000
    with open(path, "w") as stream:
        stream.write("energy_eV,counts\n")
        stream.writelines(map("%.13f,1.00000000000000000\n".__mod__, (0.0625 * i for i in range(160, count))))
    size = os.path.getsize(path)
    assert size > 1e8
    script = (
        "import re, sys; from sikpdos.formats.read import read_spectra; [s] = read_spectra(sys.argv[1]);"
        # not ru_maxrss, which starts at what pytest's process holds
        "[peak] = re.findall(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read());"
        "print(s.energy_eV[-1], s.intensity.sum(), 1024 * int(peak))"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True, cwd=ROOT)
    path.unlink()  # pytest keeps the folder for a while
    last, total, peak = map(float, done.stdout.split())
    assert (last, total) == (0.0625 * (count - 1), count - 160)
    assert peak < 4 * size


def edge_file(path) -> None:
    """A step at 1840 eV on a power law, as an EMSA/MAS file."""
    energy_eV = 1700 + 0.25 * np.arange(1000)
    counts = 1e9 * (energy_eV / 1700) ** -3 + 1e7 / (1 + np.exp(-(energy_eV - 1840)))
    write_msa(path, energy_eV, counts, title="step")


def test_predict_names_each_bad_file_and_does_the_others(cli, tmp_path):
    for name, (content, _) in BAD.items():
        (tmp_path / name).write_bytes(content)
    edge_file(tmp_path / "good.msa")
    done = cli("predict", *BAD, "nothing.msa", "good.msa", "--any-edge", cwd=tmp_path)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    for name, (_, words) in BAD.items():
        [line] = [line for line in lines if line.startswith(f"sikpdos predict: {name}: ")]
        assert words in line
    assert any("nothing.msa: No such file" in line for line in lines)
    assert all(line.startswith("sikpdos predict: ") for line in lines)
    header, *rows = done.stdout.splitlines()
    assert header == "spectrum,energy_eV,s,p,total,s_std,p_std"
    assert len(rows) == 300
    assert {row.partition(",")[0] for row in rows} == {"good.msa"}
    assert "nan" not in done.stdout.lower()


def test_predict_of_bad_standard_input(cli):
    assert_one_line_failure(cli("predict", "-", stdin=b""), "standard input: empty file")


def test_predict_of_a_matrix_keeps_the_places_of_spectra_that_cannot_be_used(cli, tmp_path):
    edge_file(tmp_path / "good.msa")
    [spectra] = read_spectra(tmp_path / "good.msa")
    matrix = np.repeat(spectra.intensity, 4, axis=0)
    matrix[1], matrix[2, 500] = 0, np.nan
    np.savez(tmp_path / "m.npz", energy_eV=spectra.energy_eV, spectra=matrix, ids=["a", "b", "c", "d"])
    done = cli("predict", "m.npz", "--any-edge", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "b: all intensities are zero" in done.stderr
    assert "c: intensity is nan in channel 501 of 1000" in done.stderr
    rows = [row.split(",") for row in done.stdout.splitlines()[1:]]
    assert {name: "nan" in cells for name, *cells in rows} == {"a": False, "b": True, "c": True, "d": False}
    assert cli("predict", "m.npz", "--any-edge", "--strict", cwd=tmp_path).returncode == 1
