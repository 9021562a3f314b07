"""`sikpdos augment`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from sikpdos.commands import options
from sikpdos.commands.console import Console

CONSOLE = Console("augment")
LIGHTEST, HEAVIEST = 1.8, 2.8  # g/cm3


def augment(
    output: Annotated[Path, options.output("Folder for the new CIF files and their sites.csv.")],
    sites: Path | None = typer.Argument(
        None, help="Table of sites (sites.csv) whose structures are copied; not needed for random and amorphous ones."
    ),
    strain: int = typer.Option(0, "--strain", min=0, help="Number of strained copies."),
    rattle: int = typer.Option(0, "--rattle", min=0, help="Number of copies with displaced atoms."),
    vacancy: int = typer.Option(0, "--vacancy", min=0, help="Number of supercells without one atom."),
    random: int = typer.Option(0, "--random", min=0, help="Number of random symmetric crystals."),
    amorphous: int = typer.Option(
        0, "--amorphous", min=0, help="Number of amorphous cells: continuous random networks."
    ),
    quenched: int = typer.Option(0, "--quenched", min=0, help="Number of amorphous cells cooled from the melt."),
    defects: int = typer.Option(
        0, "--defects", min=0, help="Number of defects of diamond: vacancies, interstitials, faults, twins in turn."
    ),
    surface: list[str] | None = typer.Option(
        None, "--surface", help="Hydrogen-terminated slab of these Miller indices, such as 111; repeatable."
    ),
    seed: options.Seed = 0,
    where_wrong: Path | None = typer.Option(
        None, "--where-wrong", help="Model (NPZ): families get copies in proportion to its error on them."
    ),
    volume: float = typer.Option(
        0.08, "--volume", min=0.0, max=0.5, help="Strain: greatest relative change of volume."
    ),
    shear: float = typer.Option(
        0.03, "--shear", min=0.0, max=0.3, help="Strain: standard deviation of the shear (relative)."
    ),
    temperature: float = typer.Option(
        300.0, "--temperature", min=0.0, max=3000.0, help="Rattling: temperature, kelvin."
    ),
    amplitude: float | None = typer.Option(
        None,
        "--amplitude",
        min=0.0,
        max=1.0,
        show_default="by --temperature",
        help="Rattling: Angstrom along each axis.",
    ),
    closest: float = typer.Option(1.9, "--closest", min=0.5, help="Least distance of two atoms, Angstrom."),
    volume_range: str = typer.Option("10,45", "--volume-range", help="Volume per atom, least and greatest, A3."),
    max_atoms: int = typer.Option(24, "--max-atoms", min=1, help="Atoms of a parent, or a random crystal, at most."),
    atoms: int = typer.Option(64, "--atoms", min=54, max=216, help="Atoms of an amorphous cell."),
    density: str = typer.Option(
        "2.29", "--density", help="Of amorphous cells, g/cm3; of two, such as 2.2,2.35, each cell's is drawn between."
    ),
    n_sites: int | None = typer.Option(
        None,
        "--sites",
        min=1,
        show_default="2; at defects and surfaces 4; all if amorphous",
        help="Sites taken from each new structure.",
    ),
) -> None:
    """Make new structures: changed copies, random crystals, amorphous cells, defects and surfaces.

    Copies keep the family (group) of their parent, so that a grouped split does not leak. Families are drawn
    with equal chance, or by a model's error on them (--where-wrong). Copies are not relaxed. Each amorphous cell is
    a family of its own, and so is each kind of defect; structures.csv says how a cell was made and how good it is.

    \b
    Examples:
      sikpdos augment structures/sites.csv --strain 100 --rattle 100 -o more/
      sikpdos augment structures/sites.csv --random 50 --seed 1 -o random/
      sikpdos augment structures/sites.csv --vacancy 20 --where-wrong model.npz -o worst/
      sikpdos augment --amorphous 4 --quenched 2 --density 2.2,2.35 -o amorphous/
      sikpdos augment --defects 9 --surface 111 --surface 001 -o defects/
    """
    from sikpdos.structures import deform
    from sikpdos.structures.augment import Settings, augment, read_parents
    from sikpdos.structures.collection import write_collection
    from sikpdos.structures.sites import read_sites

    copies = {"strain": strain, "rattle": rattle, "vacancy": vacancy}
    counts = {**copies, "random": random, "amorphous": amorphous, "quenched": quenched, "defects": defects}
    surfaces = tuple(dict.fromkeys(_miller(text) for text in surface or []))
    if not any(counts.values()) and not surfaces:
        raise typer.BadParameter("ask for some: --strain, --random, --amorphous, --defects, --surface...")
    if sites is None and any(copies.values()):
        raise typer.BadParameter("a table of sites whose structures are copied is missing", param_hint="SITES")
    low, high = options.increasing(volume_range, "--volume-range")
    densities = _densities(density)
    amplitude_A = deform.thermal_amplitude_A(temperature) if amplitude is None else amplitude
    settings = Settings(
        volume=volume,
        shear=shear,
        amplitude_A=amplitude_A,
        closest_A=closest,
        volume_range_A3=(low, high),
        max_atoms=max_atoms,
        sites=n_sites,
        atoms=atoms,
        density=densities,
        surfaces=surfaces,
        seed=seed,
    )
    parents = [] if sites is None else read_parents(read_sites(sites), sites, CONSOLE.say)
    weights = None if where_wrong is None else _weights(where_wrong, parents)
    with CONSOLE.progress("structures", sum(counts.values())) as report:
        crystals = augment(parents, counts, settings, weights, report)
    output.mkdir(parents=True, exist_ok=True)
    rows = write_collection(output, crystals)
    families = len({crystal.group for crystal in crystals})
    CONSOLE.say(f"{output}: {len(crystals)} structures of {families} families, {len(rows)} sites")


def _miller(text: str) -> tuple[int, int, int]:
    """Indices of one digit each, such as 111, with a minus sign before negative ones."""
    digits = re.fullmatch(r"(-?\d)(-?\d)(-?\d)", text)
    if digits is None or set(digits.groups()) <= {"0", "-0"}:
        raise typer.BadParameter(f"'{text}' is not three Miller indices, such as 111", param_hint="--surface")
    one, other, third = (int(digit) for digit in digits.groups())
    return one, other, third


def _densities(text: str) -> tuple[float, float]:
    """One density twice, or the two of a range, g/cm3."""
    if "," in text:
        low, high = options.increasing(text, "--density")
    else:
        low, high = options.pair(f"{text},{text}", float, "--density")
    if low < LIGHTEST or high > HEAVIEST:
        raise typer.BadParameter(f"{text}: amorphous silicon has {LIGHTEST:g} to {HEAVIEST:g}", param_hint="--density")
    return low, high


def _weights(model: Path, parents: list) -> dict[str, float]:
    from sikpdos.common import npz
    from sikpdos.common.errors import SikpdosError
    from sikpdos.model.model_file import SCHEMA
    from sikpdos.structures.augment import weights_of_families

    _, meta = npz.read(model, SCHEMA)
    if not isinstance(meta.get("group_mse"), dict):
        raise SikpdosError("no errors of families (group_mse) in the model's meta data", model)
    return weights_of_families(parents, meta["group_mse"])
