"""`sikpdos augment`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sikpdos.commands import options
from sikpdos.commands.console import Console

CONSOLE = Console("augment")


def augment(
    sites: options.SitesTable,
    output: Annotated[Path, options.output("Folder for the new CIF files and their sites.csv.")],
    strain: int = typer.Option(0, "--strain", min=0, help="Number of strained copies."),
    rattle: int = typer.Option(0, "--rattle", min=0, help="Number of copies with displaced atoms."),
    vacancy: int = typer.Option(0, "--vacancy", min=0, help="Number of supercells without one atom."),
    random: int = typer.Option(0, "--random", min=0, help="Number of random symmetric crystals."),
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
    density: str = typer.Option("10,45", "--volume-range", help="Least and greatest volume per atom, cubic Angstrom."),
    max_atoms: int = typer.Option(24, "--max-atoms", min=1, help="Atoms of a parent, or a random crystal, at most."),
    n_sites: int = typer.Option(2, "--sites", min=1, help="Sites taken from each new structure."),
) -> None:
    """Make new structures from known ones: strained, rattled, with a vacancy, and random crystals.

    Copies keep the family (group) of their parent, so that a grouped split does not leak. Families are drawn
    with equal chance, or by a model's error on them (--where-wrong). Nothing is relaxed.

    \b
    Examples:
      sikpdos augment structures/sites.csv --strain 100 --rattle 100 -o more/
      sikpdos augment structures/sites.csv --random 50 --seed 1 -o random/
      sikpdos augment structures/sites.csv --vacancy 20 --where-wrong model.npz -o worst/
    """
    from sikpdos.structures import deform
    from sikpdos.structures.augment import Settings, augment, read_parents
    from sikpdos.structures.collection import write_collection
    from sikpdos.structures.sites import read_sites

    counts = {"strain": strain, "rattle": rattle, "vacancy": vacancy, "random": random}
    if not any(counts.values()):
        raise typer.BadParameter("ask for some: --strain, --rattle, --vacancy or --random")
    low, high = options.increasing(density, "--volume-range")
    amplitude_A = deform.thermal_amplitude_A(temperature) if amplitude is None else amplitude
    settings = Settings(volume, shear, amplitude_A, closest, (low, high), max_atoms, n_sites, seed)
    parents = read_parents(read_sites(sites), sites, CONSOLE.say)
    weights = None if where_wrong is None else _weights(where_wrong, parents)
    with CONSOLE.progress("structures", sum(counts.values())) as report:
        crystals = augment(parents, counts, settings, weights, report)
    output.mkdir(parents=True, exist_ok=True)
    rows = write_collection(output, crystals)
    families = len({crystal.group for crystal in crystals})
    CONSOLE.say(f"{output}: {len(crystals)} structures of {families} families, {len(rows)} sites")


def _weights(model: Path, parents: list) -> dict[str, float]:
    from sikpdos.common import npz
    from sikpdos.common.errors import SikpdosError
    from sikpdos.model.model_file import SCHEMA
    from sikpdos.structures.augment import weights_of_families

    _, meta = npz.read(model, SCHEMA)
    if not isinstance(meta.get("group_mse"), dict):
        raise SikpdosError("no errors of families (group_mse) in the model's meta data", model)
    return weights_of_families(parents, meta["group_mse"])
