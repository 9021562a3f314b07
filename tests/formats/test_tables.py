"""Which column is what: one edge in the clothes of many beamlines and programs."""

from __future__ import annotations

import numpy as np
import pytest

from sikpdos.common.errors import SikpdosError
from sikpdos.formats.columns import ColumnChoice
from sikpdos.formats.read import read_spectra

ENERGY = np.concatenate([np.arange(1800, 1830, 2.0), np.arange(1830, 1860, 0.25), np.arange(1860, 1900, 2.0)])
MU = 0.4 - 4e-4 * (ENERGY - 1800) + 1 / (1 + np.exp(-(ENERGY - 1840))) + 0.5 * np.exp(-(((ENERGY - 1842) / 2) ** 2))
I0 = 2e5 - 300 * (ENERGY - 1800)
TIME, INDEX, RING = np.full(ENERGY.size, 1.0), np.arange(ENERGY.size) + 1.0, 399 - 0.01 * np.arange(ENERGY.size)
DARK = np.tile([11.0, 12.0, 13.0], ENERGY.size)[: ENERGY.size]
ANGLE = np.rad2deg(np.arcsin(12398.419843320026 / (2 * 3.7403 * ENERGY)))
LOST = np.isin(np.arange(ENERGY.size), (3, ENERGY.size - 4))
C = {
    "E": ENERGY, "keV": ENERGY / 1e3, "mu": MU, "I0": I0, "y": MU * I0 / 1e3, "y2": MU * I0 / 5e2, "t": TIME,
    "n": INDEX, "ring": RING, "dark": DARK, "deg": ANGLE, "It": I0 * np.exp(-MU), "zero": 0 * ENERGY, "half": MU / 2,
    "minus_I0": -I0, "minus_y": -MU * I0 / 1e3, "I0_lost": np.where(LOST, 0, I0), "mu_lost": np.where(LOST, np.nan, MU),
}  # fmt: skip


def table(columns: str, separator: str = " ", end: str = "\n") -> str:
    """Rows of the columns named, "E mu"."""
    chosen = [C[name] for name in columns.split()]
    return "".join(separator.join(f"{x:.8g}" for x in row) + end for row in zip(*chosen, strict=True))


def spec(*scans: str, label: str) -> str:
    head = "#F si.spec\n#E 1585669055\n#D Tue Mar 31 15:57:35 2020\n#C SUL-X  User = opd\n#O0   mono  theta  gap\n\n"
    numbered = "".join(f"#S {n}  ascan energy 1.8 1.9\n#N 5\n#L {label}\n{scan}\n" for n, scan in enumerate(scans, 3))
    return head + numbered


ONE_SPECTRUM = {
    "columns told one by one": "# Col 1: Energy [eV]\n# Col 2: I0_KEITHLEY\n# Col 3: TEY\n" + table("E I0 y"),
    "columns told by numbers and equals": "# column 1 = energy\n# column 2 = TEY\n# column 3 = I0\n" + table("E y I0"),
    "negative currents": "# energy mesh sample_current\n" + table("E minus_I0 minus_y"),
    "currents beside energy_eV": "energy_eV,sample_current,mesh_current\n" + table("E y I0", ","),
    "spec": spec(table("keV I0 dark y ring"), label="Energy  Ioni1  Ioni2  FLUO  e_Current"),
    "spec with index and epoch": spec(table("n E t I0 y"), label="Pt_No  Energy (eV)  Epoch  I0  TEY"),
    "spec, names one blank apart": spec(table("E t I0 y"), label="Energy Seconds Monitor sdd"),
    "labview, comment of as many words": "#1-D Scan File created by LabVIEW Control Panel\n#\n# User Comment:\n"
    "# Si 100 wafer as received\n#\n# Column Headings:\n#Mono Energy *        Scaler preset time * I0             "
    "      I1                   If                   \n" + table("E t I0 dark y"),
    "labview, legend": "# 1-D Scan File created by LabVIEW Control Panel\n# a readable list of column headings:\n"
    "#  1) Mono Energy *   2) Scaler preset time *   3) I0   4) Vortex SUM\n#\n" + table("E t I0 y"),
    "mrcat": "MRCAT_XAFS V0.4 Datafile\nRing energy= 7.00 GeV\nE0= 1839.00\n-----------------\n"
    "   energy   joerger_timer    Io       It       If   Iref\n" + table("E n I0 dark y dark"),
    "xdi, dead transmission": "# XDI/1.0\n# Column.1: energy eV\n# Column.2: i0\n# Column.3: itrans\n"
    "# Column.4: ifluor\n#---\n" + table("E I0 zero y"),
    "xdi, live transmission": "# XDI/1.0\n# Column.1: energy keV\n# Column.2: i0\n# Column.3: itrans\n#---\n"
    + table("keV I0 It"),
    "xdi, epics": "#XDI/1.1 Epics StepScan File / 2.0\n# Column.1: Energy eV || 13IDE:En:Energy.VAL\n"
    "# Column.2: TSCALER counts || 13IDE:SIS1:mca1\n# Column.3: I0 counts || 13IDE:SIS1:mca2\n"
    "# Column.4: Si_Ka counts || 13QX4:MCA1ROI:11\n#-----\n" + table("E t I0 y"),
    "xdi, angles": "# XDI/1.0\n# Mono.d_spacing: 3.7403\n# Column.1: angle degrees\n# Column.2: mutrans\n#---\n"
    + table("deg mu"),
    "ssrl": "SSRL   EXAFS Data Collector 1.3\nSun May 21 00:13:57 2006\nPTS: 155 COLS: 5\nFLUO.DET\n\nWeights: \n"
    " 1.000  1.000  1.000  1.000  1.000\nOffsets: \n 0.000  0.000  0.000  144.200  133.500\nData: \nReal time clock\n"
    "Requested Energy\nAchieved Energy\nI0\nVORTEX\n\n" + table("t E E I0 y"),
    "9809": "  9809     KEK-PF   BL11A\n Si001           22.05.11 17:26\n TEY\n Ring :   2.5 GeV\n"
    " Mono :   InSb(111)       D=  3.74030 A    Initial angle= 64.0 deg\n"
    " BL11A      TEY( 3)   Repetition=  1     Points= 155\n\n Block      Init-Eng  Final-Eng      Step/eV Time/s Num\n"
    "     1        1750.00   1825.00         2.50       1.00        30\n Ortec( 0)     NDCH = 3\n"
    "  Angle(c)  Angle(o)    time/s         1         2\n      Mode         0         0         1         2\n"
    "    Offset         0         0     0.000     0.000\n" + table("deg deg t I0 y"),
    "ritsumeikan": "Ritsumeikan University SR Center BL-10\n2017/03/06,14:27:01,14:54:43\n"
    "分光結晶:,InSb(111), 2d= 0.7481 nm\nBlock 0,69.44566,1770\nBlock 1,65.11131,1827,20,2.85,1,2\n\n"
    "Calculatedθ(deg.),Observedθ(deg.),hν(eV),Io(cps), SDD1(cps),SDD2(cps),TEY(cps),RingCurrent(mA)\n"
    + table("deg deg E I0 zero zero y ring", ", "),
    "csv, time first": "Time (s),Energy (eV),TEY (A),I0 (A)\n" + table("n E y I0", ","),
    "csv, energy last": "I0;TEY;Ring current (mA);Photon energy [eV]\n" + table("I0 y ring E", ";"),
    "tab separated": "Index\tEnergy/eV\tMonitor\tFluorescence yield\n" + table("n E I0 y", "\t"),
    "roles in parentheses": "# sample: a wafer\n# Columns: ENERGY(eV) d1(TEY) p1(TFY) p8(Si PFY) im5(I0)\n"
    + table("E y zero zero I0"),
    "elements of a detector": "# energy i0 sdd1 sdd2 sdd3\n" + table("E I0 y y2 zero"),
    "two energies": "# Energy_setpoint Energy_readback I0 TFY\n" + table("E E I0 y"),
    "a ratio": "# energy TEY/I0\n" + table("E mu"),
    "prose before the columns": "# Spectrum 12: Si (100) wafer, TEY\n# energy of the beamline was calibrated\n"
    "# Energy I0 mu\n" + table("E I0 mu"),
    "names without a mark": "# Spectrum of a Si (100) wafer\nenergy mu\n" + table("E mu"),
    "footer": "energy mu\n" + table("E mu") + "END OF DATA\n",
    "footer of several lines": "energy mu\n" + table("E mu") + "\nScan aborted by user\n12 3\n&END\n",
    "count of points": f"{ENERGY.size}\n" + table("E mu"),
    "energies fall": "energy mu\n" + "".join(reversed(table("E mu").splitlines(keepends=True))),
    "percent signs": "% exported\n% energy mu\n" + table("E mu"),
    "missing values": "energy,mu,comment\n" + table("E mu", ",", ",\n"),
    "time of day": "time,energy,TEY,I0\n"
    + "".join(f"12:00:{i % 60:02d},{row}\n" for i, row in enumerate(table("E y I0", ",").splitlines())),
    "spec, comments within": "#S 1 x\n#L Energy  I0  TEY\n" + table("E I0 y").replace("\n", "\n#C beam dump\n", 3),
    "epics legend": "; Epics Scan 1 dimensional scan\n; column labels:\n; P1 = {Mono Energy} --> 13IDA:E\n"
    "; D1 = {mca:I0} --> 13IDA:S1\n; D2 = {Si_ka} --> 13IDA:S2\n;-----\n;  P1 D1 D2\n" + table("E I0 y"),
    "cls events": "# CLS Data Acquisition\n# Event: scan\n# column 1: Event-ID\n# column 2: Energy:sp\n# column 3: I0\n"
    "# column 4: TEY\n" + table("t E I0 y", ", "),
    "numbered names": "#C exafsscan\n#C 1_E(eV) 2_I0 3_seconds 4_Vortex\n" + table("E I0 t y"),
    "dashes for missing": "energy,TEY,I0,temperature (K)\n" + table("E y I0", ",", ",--\n"),
}


@pytest.mark.parametrize("name", ONE_SPECTRUM)
def test_one_spectrum(tmp_path, name):
    path = tmp_path / "x.dat"
    path.write_text(ONE_SPECTRUM[name], encoding="utf-8")
    [spectra] = read_spectra(path)
    assert len(spectra) == 1
    np.testing.assert_allclose(spectra.energy_eV, ENERGY, atol=2e-4)
    ratio = spectra.intensity[0] / MU
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)


@pytest.mark.parametrize("text", ["# energy i0 tey\n" + table("E I0_lost y"), "energy,mu\n" + table("E mu_lost", ",")])
def test_a_few_lost_points_are_left_out_and_told(tmp_path, text):
    (tmp_path / "x.dat").write_text(text)
    [spectra] = read_spectra(tmp_path / "x.dat")
    np.testing.assert_allclose(spectra.energy_eV, ENERGY[~LOST], atol=2e-4)
    ratio = spectra.intensity[0] / MU[~LOST]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)
    assert "2 points hold no number, the first at 1806: left out" in spectra.warnings


def test_a_spectrum_of_many_lost_points_is_refused(tmp_path):
    (tmp_path / "x.csv").write_text("energy,mu\n" + table("E mu", ",").replace("\n", "\nnan,nan\n", 3))
    assert len(read_spectra(tmp_path / "x.csv")[0].energy_eV) == ENERGY.size
    rows = [f"{e},{'nan' if k % 5 == 0 else m}" for k, (e, m) in enumerate(zip(ENERGY, MU, strict=True))]
    (tmp_path / "x.csv").write_text("energy,mu\n" + "\n".join(rows) + "\n")
    with pytest.raises(SikpdosError, match="intensity is nan in channel 1 of"):
        read_spectra(tmp_path / "x.csv")


def test_japanese_encodings(tmp_path):
    for encoding in ("utf-8", "cp932", "utf-16"):
        path = tmp_path / f"{encoding}.dat"
        path.write_text(ONE_SPECTRUM["ritsumeikan"].replace("\n", "\r\n"), encoding=encoding)
        [spectra] = read_spectra(path)
        assert "TEY / Io taken" in spectra.warnings[0]


SEVERAL = {
    "csv by sample": ("Energy (eV),Si wafer,nano-Si\n" + table("E mu half", ","), ["Si wafer", "nano-Si"]),
    "athena export": (
        "# XDI/1.0 Demeter/0.9\n# Column.1: energy eV\n# Column.2: Si_wafer\n# Column.3: Si_nano\n# ///\n# x\n# ---\n"
        "#  energy  Si_wafer  Si_nano\n" + table("E mu half"),
        ["Si_wafer", "Si_nano"],
    ),
    "samples called like detectors": (
        "Energy (eV),Si ref,scan 2\n" + table("E mu half", ","),
        ["Si ref", "scan 2"],
    ),
    "pairs": ("energy_A,mu_A,energy_B,mu_B\n" + table("E mu E half", ","), ["mu_A", "mu_B"]),
    "pairs without names": (table("E mu E half"), ["columns 1 and 2", "columns 3 and 4"]),
    "pairs of one name": ("E (eV);mu;E (eV);mu\n" + table("E mu E half", ";"), ["mu", "mu (2)"]),
    "spec scans": (spec(table("E I0 y"), table("E I0 y"), label="Energy  I0  TEY"), ["scan 3", "scan 4"]),
    "scans behind headings": (2 * ("# energy mu\n" + table("E mu")), ["scan 1", "scan 2"]),
    "scans behind blank lines": ("# energy mu\n" + 2 * (table("E mu") + "\n\n"), ["scan 1", "scan 2"]),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_several_spectra_are_all_read_by_name(tmp_path, name):
    text, names = SEVERAL[name]
    path = tmp_path / "x.dat"
    path.write_text(text)
    read = {n: row for s in read_spectra(path) for n, row in zip(s.names, s.intensity, strict=True)}
    assert list(read) == names
    for row in read.values():
        np.testing.assert_allclose(row / MU, row[0] / MU[0], rtol=1e-4)


def test_pairs_of_unequal_length(tmp_path):
    rows = table("E mu", ",").splitlines()
    short = [*rows[:100], *[","] * (len(rows) - 100)]
    path = tmp_path / "x.csv"
    path.write_text("E,mu,E,mu\n" + "".join(f"{a},{b}\n" for a, b in zip(rows, short, strict=True)))
    first, second = read_spectra(path)
    assert (first.energy_eV.size, second.energy_eV.size) == (len(rows), 100)
    np.testing.assert_array_equal(second.energy_eV, first.energy_eV[:100])


def test_motor_scans_of_a_file_are_left_out_by_name(tmp_path):
    path = tmp_path / "x.spec"
    text = spec(table("n I0 y"), label="gap  I0  TEY") + "#S 9 ascan energy\n#L Energy  I0  TEY\n" + table("E I0 y")
    path.write_text(text)
    [spectra] = read_spectra(path)
    assert spectra.names == ("scan 9",)
    assert list(spectra.left_out) == ["scan 3"]


NOT_TOLD = {
    "no names": table("E t I0 y"),
    "no detector known": "energy,d1,p1,im5\n" + table("E y zero I0", ","),
    "nothing but a monitor": "energy I0\n" + table("E I0"),
    "nothing but time": "energy (eV),time (s)\n" + table("E n", ","),
    "only angles": "theta I0 TEY\n" + table("deg I0 y"),
    "a dead yield": "energy I0 TEY\n" + table("E I0 dark"),
}


@pytest.mark.parametrize("name", NOT_TOLD)
def test_columns_that_cannot_be_told_are_listed_not_guessed(tmp_path, name):
    path = tmp_path / "x.dat"
    path.write_text(NOT_TOLD[name])
    with pytest.raises(SikpdosError, match=r"\(columns: .* to .*\)") as caught:
        read_spectra(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("asked", ["p8/im5", "P8/IM5", "2/4", "tey / i0"])
def test_columns_asked_for(tmp_path, asked):
    names = "TEY,dark,I0" if "tey" in asked else "p8,dark,im5"
    path = tmp_path / "x.csv"
    path.write_text(f"energy,{names}\n" + table("E y dark I0", ","))
    [spectra] = read_spectra(path, choice=ColumnChoice(column=asked))
    np.testing.assert_allclose(spectra.intensity[0] / MU, 1e-3, rtol=1e-4)
    assert spectra.kind == "xas"


def test_scan_asked_for(tmp_path):
    path = tmp_path / "x.spec"
    path.write_text(spec(table("E I0 y"), table("E I0 y2"), label="Energy  I0  TEY"))
    [spectra] = read_spectra(path, choice=ColumnChoice(scan="4"))
    np.testing.assert_allclose(spectra.intensity[0] / MU, 2e-3, rtol=1e-4)
    with pytest.raises(SikpdosError, match=r"no scan '7' \(scans: 3, 4\)"):
        read_spectra(path, choice=ColumnChoice(scan="7"))
    with pytest.raises(SikpdosError, match="no column 'PFY'"):
        read_spectra(path, choice=ColumnChoice(column="PFY"))


def test_electron_yield_goes_before_fluorescence_and_what_is_dead_is_passed_over(tmp_path):
    path = tmp_path / "x.dat"
    for columns, taken in [("E I0 y y2", "TEY / I0"), ("E I0 zero y", "TFY / I0"), ("E I0 dark y", "TFY / I0")]:
        path.write_text("energy I0 TEY TFY\n" + table(columns))
        [spectra] = read_spectra(path)
        assert spectra.warnings[0].startswith(f"{taken} taken")
        np.testing.assert_allclose(spectra.intensity[0] / MU, 1e-3, rtol=1e-4)


def test_a_yield_without_monitor_is_taken_with_a_warning(tmp_path):
    path = tmp_path / "x.dat"
    path.write_text("energy time TEY\n" + table("E t mu"))
    [spectra] = read_spectra(path)
    assert "no incident intensity" in spectra.warnings[0]
