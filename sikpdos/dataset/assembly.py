"""From curves to a dataset: normalised spectra, checks of the sites, a summary."""

from __future__ import annotations

import numpy as np

from sikpdos.common import npz
from sikpdos.common.errors import SikpdosError
from sikpdos.common.grid import PDOS, SPECTRUM
from sikpdos.dataset.curves import Curves
from sikpdos.dataset.database import Database
from sikpdos.dataset.dataset import SCHEMA, Dataset
from sikpdos.spectra import processing
from sikpdos.structures.material_class import ELEMENTAL, material_class

_BROADENING = ("sigma_eV", "lorentz_fwhm_eV", "onset_rule")
AUGMENTED = "augment "  # what the source of sites begins with whose crystals augment made
DEFORMED = tuple(f"{AUGMENTED}{way}" for way in ("strain", "rattle", "vacancy", "random"))  # far from any minimum
_VALENCE_ELECTRONS = (3.4, 4.4)  # of silicon's 4, in occupied s and p states, that are not odd
_DUPLICATE = 1e-4  # largest difference of two normalised spectra and of their pdos that count as the same


def assemble(curves: Curves, database: Database | None = None) -> Dataset:
    """Normalise, check, and describe; `database` (the same sites in the same order) adds the edges before broadening.

    Raises SikpdosError for repeated ids, NaN, a spectrum without intensity, or a database of other sites.
    """
    _check_sites(curves, database)
    spectra = processing.normalise(curves.spectra)
    kinds = _kinds(curves, database)
    elemental = np.isin(kinds.get("material_class", np.full(len(curves.ids), "")), ("", ELEMENTAL))
    checks = {"duplicates": duplicates(curves.ids, spectra, curves.pdos), "odd_charge": odd_charge(curves, elemental)}
    broadening = {key: curves.meta[key] for key in _BROADENING}
    broadening |= {"lifetime": curves.meta["lifetime"]} if "lifetime" in curves.meta else {}
    edge_energy_eV, edge = _unbroadened(database)
    return Dataset(
        ids=curves.ids,
        groups=curves.groups,
        spectra=spectra,
        pdos=curves.pdos,
        meta={**npz.provenance(SCHEMA), **broadening, "checks": checks, **_augmented(database)},
        edge_energy_eV=edge_energy_eV,
        edge=edge,
        **kinds,
    )


def _check_sites(curves: Curves, database: Database | None) -> None:
    ids, counts = np.unique(curves.ids, return_counts=True)
    if (counts > 1).any():
        raise SikpdosError(f"site {ids[counts > 1][0]} is there twice")
    if database is not None and curves.ids.tolist() != database.ids.tolist():
        raise SikpdosError("the curves and the database are not of the same sites in the same order")
    for name in ("spectra", "pdos"):
        bad = ~np.isfinite(getattr(curves, name).reshape(len(curves.ids), -1)).all(axis=1)
        if bad.any():
            raise SikpdosError(f"site {curves.ids[bad][0]}: NaN in its {name}")


def _unbroadened(database: Database | None) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
    """Bins and edges before broadening; None where there are none."""
    if database is None or database.edge_sigma_eV.any():
        return None, None
    return database.edge_energy_eV, database.edge


def _kinds(curves: Curves, database: Database | None) -> dict[str, np.ndarray]:
    """Material class and photon energy of the onset of every site, as far as its calculation tells them."""
    if database is None:
        return {}
    zero_eV = np.array([meta.get("transition_eV") or np.nan for meta in database.site_meta])
    return {
        "material_class": np.array([site_class(meta) for meta in database.site_meta]),
        "absolute_onset_eV": np.nan_to_num(zero_eV + curves.onset_eV),
    }


def site_class(meta: dict) -> str:
    """Material class of a site, by its meta data or the elements that its calculation had; empty if not known."""
    elements = site_elements(meta)
    return str(meta.get("material_class") or (material_class(elements) if elements else ""))


def site_elements(meta: dict) -> set[str]:
    """Elements of a site's crystal, by the pseudopotentials that its meta data name; empty if they name none."""
    species = meta.get("pseudopotentials")
    return {str(name).partition(",")[0] for name in species} if isinstance(species, dict) else set()


def _augmented(database: Database | None) -> dict[str, list[str]]:
    """Ids of the sites of deformed and random crystals, for the meta data; nothing where that is not known."""
    if database is None:
        return {}
    rows = [meta.get("source") in DEFORMED for meta in database.site_meta]
    return {"augmented": database.ids[rows].tolist()}


def duplicates(ids: np.ndarray, spectra: np.ndarray, pdos: np.ndarray) -> list[list[str]]:
    """Pairs of sites whose spectrum (n, 200) and density of states (n, 2, 300) are the same."""
    curves = np.concatenate([spectra, pdos.reshape(len(pdos), -1)], axis=1)
    total = curves.sum(axis=1)
    order = np.argsort(total)
    pairs = []
    for position, i in enumerate(order):
        for j in order[position + 1 :]:
            if total[j] - total[i] > _DUPLICATE * curves.shape[1]:
                break
            if np.abs(curves[i] - curves[j]).max() < _DUPLICATE:
                pairs.append(sorted([str(ids[i]), str(ids[j])]))
    return sorted(pairs)


def odd_charge(curves: Curves, elemental: np.ndarray) -> list[str]:
    """Sites of silicon alone (n,) whose occupied s and p states hold less than 3.4 or more than 4.4 electrons of 4."""
    charge = curves.pdos[..., PDOS.energy_eV < 0].sum(axis=(1, 2)) * PDOS.step_eV
    least, most = _VALENCE_ELECTRONS
    return curves.ids[elemental & ((charge < least) | (charge > most))].tolist()


def summary(dataset: Dataset) -> str:
    """One screen about a dataset."""
    sizes = np.unique(dataset.groups, return_counts=True)[1]
    variance = dataset.pdos.var(axis=0).mean(axis=1)
    checks = dataset.meta["checks"]
    return "\n".join(
        [
            f"sites        {len(dataset)} from {len(sizes)} families (largest {sizes.max()})",
            f"spectra      {SPECTRUM.start_eV:g} to {SPECTRUM.stop_eV:g} eV, {SPECTRUM.size} points, sigma "
            f"{dataset.sigma_eV:g} eV, onset rule {dataset.onset_rule}",
            f"augmented    {dataset.augmented.sum()} of the sites: strained, rattled, with a vacancy, or random",
            f"pdos         {PDOS.start_eV:g} to {PDOS.stop_eV:g} eV, {PDOS.size} points, states/eV/atom",
            f"variance     s {variance[0]:.3g}, p {variance[1]:.3g} (states/eV)^2",
            f"classes      {_counted_classes(dataset)}",
            f"duplicates   {len(checks['duplicates'])}" + "".join(f"; {a} = {b}" for a, b in checks["duplicates"][:5]),
            f"odd charge   {len(checks['odd_charge'])}" + "".join(f"; {i}" for i in checks["odd_charge"][:5]),
            f"before broadening  {'kept' if dataset.edge is not None else 'not known'}",
        ]
    )


def _counted_classes(dataset: Dataset) -> str:
    if dataset.material_class is None:
        return "not known"
    names, counts = np.unique(dataset.material_class, return_counts=True)
    return ", ".join(f"{name or 'not known'} {count}" for name, count in zip(names, counts, strict=True))
