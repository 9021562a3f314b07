"""Every reader of the suite, with good files to damage."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import requests
from attack import npz_damage, spectrum_seeds, structure_seeds
from attack.harness import Target
from support import castep_fake, castep_model, plot_files

from sikpdos.castep import columns, parse, results, runs
from sikpdos.common import config, npz, resources
from sikpdos.common.errors import SikpdosError
from sikpdos.dataset import assembly, curve_table, curves, database, raw_site
from sikpdos.dataset.dataset import read_dataset
from sikpdos.engine import pseudopotential
from sikpdos.formats.columns import ColumnChoice
from sikpdos.formats.listing import list_content
from sikpdos.formats.read import read_spectra
from sikpdos.model import mixture, model_file, network
from sikpdos.model import settings as training
from sikpdos.plot import read as plot_read
from sikpdos.structures import optimade, reading, sites, web

CHOICES = (ColumnChoice(column="2/3"), ColumnChoice(scan="1"), ColumnChoice(column="2", scan="2"))


def _finite(*arrays: np.ndarray) -> str:
    return "read" if all(np.isfinite(array).all() for array in arrays) else "NaN or infinity"


def _spectra(path: Path, rng: np.random.Generator) -> str:
    choice = CHOICES[int(rng.integers(len(CHOICES)))] if rng.random() < 0.2 else ColumnChoice()
    if choice != ColumnChoice():
        with contextlib.suppress(SikpdosError):
            list_content(path, choice)
    for spectra in read_spectra(path, choice=choice):
        if not (np.isfinite(spectra.energy_eV).all() and (np.diff(spectra.energy_eV) > 0).all()):
            return "unsound energies"
        if any(not np.isfinite(block.intensity).all() for block in spectra.blocks()):
            return "NaN or infinity"
    return "read"


def _structures(path: Path, rng: np.random.Generator) -> str:
    fetched = reading.read_file(str(path))
    for entry in fetched.entries:
        if not entry.structure.is_ordered:
            return "a disordered structure"
        if _finite(entry.structure.lattice.matrix, entry.structure.frac_coords) != "read":
            return "NaN or infinity"
    return "read" if fetched.entries else "refused"


def _page(path: Path, rng: np.random.Generator) -> str:
    """A server's page of OPTIMADE, as the client takes it."""
    response = requests.Response()
    response.status_code, response.url, response._content = 200, "http://x/v1/structures", path.read_bytes()

    class Session:
        limits = web.Limits(pages=3)

        def get(self, url: str) -> requests.Response:
            return response

    fetched = optimade.fetch("http://x", ["Si"], [], Session(), web.Kept(None))
    if any(len(str(line).splitlines()) > 1 for line in (*fetched.failures, *fetched.left_out)):
        return "a message of several lines"
    found = [(e.structure.lattice.matrix, e.structure.frac_coords) for e in fetched.entries]
    return _finite(*(a for pair in found for a in pair)) if found else "refused"


def _pages() -> dict[str, bytes]:
    item = {"id": "a", "type": "structures", "attributes": structure_seeds.optimade(structure_seeds.QUARTZ)}
    link = "http://x/v1/structures?page_offset=1"
    pages = {
        "last": {"data": [item, item | {"id": "b-1"}], "links": {"next": None}},
        "next": {"data": [item], "links": {"next": {"href": link}}, "meta": {"more_data_available": True}},
        "link": {"data": [item], "links": {"next": link}},
        "error": {"errors": [{"detail": "no"}]},
    }
    return {name: json.dumps(page).encode() for name, page in pages.items()}


@functools.cache
def _written(write: Callable[[Path], object]) -> dict[str, bytes]:
    """The files that a function writes into a folder, by name."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        return {path.name: path.read_bytes() for path in files}


def _castep_folder(folder: Path) -> None:
    castep_model.write_runs_folder(folder)
    (folder / "si.dos.fixed.dat").write_text("# DOS\n" + "".join(f" {e} {e + 11} 0.5\n" for e in range(-10, 10)))
    (folder / "si.odo").write_text(castep_fake.odo_text("core"))
    elements = [np.random.default_rng(0).standard_normal((2, 3, castep_model.N_BANDS, 2))]
    castep_fake.write_eels_mat(folder / "hole.eels_mat", [(1, 1, 1, 0), (1, 2, 1, 0)], elements)


def _castep(path: Path, rng: np.random.Generator) -> str:
    if path.name == "runs.csv":
        runs.read_runs(path)
        return "read"
    if path.suffix in (".bands", ".cell") or rng.random() < 0.3:
        with contextlib.suppress(SikpdosError):
            results.read_edge(path.parent / "hole")
        seed = path.parent / "ground"
        return _finite(*(value for value in vars(results.read_pdos(seed, 1)).values() if isinstance(value, np.ndarray)))
    site = ("", "Si1", "Si")[int(rng.integers(3))]
    table = parse.parse([str(path)], columns.Choice(site=site))
    numbers = [np.asarray(column) for column in table.columns.values()]
    return _finite(*(column for column in numbers if column.dtype.kind == "f"))


def _tables(folder: Path) -> None:
    plot_files.write_all(folder)
    for path in folder.iterdir():
        if path.suffix != ".csv" or path.name in ("curves.csv",):
            path.unlink()
    energy = np.linspace(-5, 40, 91)
    edge = "".join(f"{e:.2f},{float(e > 0):.3f}\n" for e in energy)
    (folder / "edge.csv").write_text(f"energy_eV,edge\n{edge}")
    (folder / "pdos.csv").write_text("energy_eV,s,p\n" + "".join(f"{e:.2f},1,2\n" for e in energy))
    crystal = sites.Site("Si-I-0", "Si-I", "Si-I.cif", 0, 2, "a", "Fd-3m", 4, 2.35, "Si-I", "catalogue", "")
    sites.write_sites(folder / "sites.csv", [crystal, sites.Site(**{**vars(crystal), "site_id": "Si-I-1"})])
    for path in folder.iterdir():
        lines = path.read_text().splitlines(keepends=True)
        if path.name != "curves.csv" and len(lines) > 120:
            path.write_text("".join(lines[:120]))


def _table(path: Path, rng: np.random.Generator) -> str:
    if path.name == "sites.csv":
        sites.read_sites(path)
    elif path.name in ("edge.csv", "pdos.csv"):
        table = curve_table.read_table(path, path.read_bytes())
        return _finite(*curve_table.broaden_table(table, 0.5, 0.1, 0.0, "50%").values())
    else:
        plot_read.read(str(path))
    return "read"


def _containers(folder: Path) -> None:
    plot_files.write_all(folder)
    for path in folder.iterdir():
        if path.suffix != ".npz":
            path.unlink()
    sites = [raw_site.read_raw(folder / "raw.npz")]
    database.write_database(folder / "database.npz", database.stack(sites))
    arrays, meta = npz.read(resources.MODELS / "0.5.npz", model_file.SCHEMA)
    members = len(arrays["s_out_b"])
    small = {key: array[:1] if array.shape[:1] == (members,) else array for key, array in arrays.items()}
    small |= {"kernel_rows": arrays["kernel_rows"][:9], "kernel_alpha": arrays["kernel_alpha"][:, :9]}
    npz.write(folder / "model.npz", small, meta)


def _container(path: Path, rng: np.random.Generator) -> str:
    if path.name == "model.npz":
        model = model_file.read_model(path)
        spectrum = np.clip(np.linspace(-0.1, 2, 200), 0, 1)[None].astype(np.float32)
        return _finite(*mixture.predict(model, spectrum, network.recording(spectrum)))
    if path.name == "dataset.npz":
        found = read_dataset(path)
        return _finite(found.spectra, found.pdos)
    if path.name in ("database.npz", "raw.npz"):
        read = database.read_database if path.name == "database.npz" else raw_site.read_raw
        content = read(path)
        stacked = content if isinstance(content, database.Database) else database.stack([content])
        made = assembly.assemble(curves.broaden_sites(stacked, 0.5), stacked)
        with tempfile.TemporaryDirectory() as folder:
            npz.write(Path(folder, "x.npz"), {"spectra": made.spectra, "pdos": made.pdos}, made.meta)
        return _finite(made.spectra, made.pdos)
    plot_read.read(str(path))
    return "read"


def _settings(path: Path, rng: np.random.Generator) -> str:
    training.check(config.load(training.Settings, path, {}))
    return "read"


def _toml() -> dict[str, bytes]:
    text = 'seed = 3\nsplit = "random"\nmembers = 4\nchannels = [16, 32]\nhidden = 64\nmeasured = true\n'
    text += 'sigma_eV = [0.4, 1.5]\ncounts = [1e2, 1e6]\nlearning_rate = 2e-3\ntest_groups = ["Si-I"]\nepochs = 150\n'
    return {"training.toml": text.encode(), "short.toml": b"[a]\nb = {c = [1, 2, 1979-05-27]}\nseed = 0x10\n"}


def _upf(path: Path, rng: np.random.Generator) -> str:
    pseudo = pseudopotential.read_upf(path)
    return _finite(pseudo.r, pseudo.local, pseudo.density)


def _upf_seeds() -> dict[str, bytes]:
    """One with every block, thinned to a mesh of 60 points."""
    import xml.etree.ElementTree as ET

    root = ET.fromstring((resources.PSEUDOPOTENTIALS / "Si.fch.UPF").read_text())
    n = len((root.find("PP_MESH/PP_R").text or "").split())
    for node in root.iter():
        words = (node.text or "").split()
        if len(words) == n:
            node.text = " ".join(words[:: n // 60])
    size = len(root.find("PP_MESH/PP_R").text.split())
    for node in root.iter():
        for key in ("size", "mesh", "mesh_size"):
            if node.get(key, "").strip() == str(n):
                node.set(key, str(size))
    stream = io.BytesIO()
    ET.ElementTree(root).write(stream)
    return {"Si.UPF": stream.getvalue()}


def targets() -> dict[str, Target]:
    """All of them by name."""
    castep = functools.partial(_written, _castep_folder)
    return {
        "spectra": Target(spectrum_seeds.seeds, _spectra),
        "structures": Target(structure_seeds.seeds, _structures),
        "optimade": Target(_pages, _page),
        "castep": Target(castep, _castep, beside=castep),
        "tables": Target(functools.partial(_written, _tables), _table),
        "npz": Target(functools.partial(_written, _containers), _container, damage=npz_damage.damaged),
        "settings": Target(_toml, _settings),
        "pseudopotentials": Target(_upf_seeds, _upf),
    }


# Shares of a long attack in per cent, by what a reader takes for an input
SHARES = {
    "spectra": 5,
    "structures": 5,
    "optimade": 25,
    "castep": 8,
    "tables": 20,
    "npz": 4,
    "settings": 30,
    "pseudopotentials": 3,
}
