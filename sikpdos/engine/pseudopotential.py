"""Norm-conserving pseudopotentials from UPF (version 2) files, and their radial transforms."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from xml.etree import ElementTree

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import erf, spherical_jn

from sikpdos.common import files
from sikpdos.common.constants import RYDBERG_EV
from sikpdos.common.errors import SikpdosError

LOCAL_RADIUS = 10.0  # bohr; the local potential is a bare -2Z/r beyond
TABLE_STEP = 0.02  # 1/bohr
HARDEST_Q = 25.0  # 1/bohr; no norm-conserving orbital reaches beyond (8.5 keV)
TAIL_RADIUS = 5.0  # bohr; where the tail of an orbital begins


@dataclass(frozen=True, eq=False)
class RadialFunction:
    """r times a radial function, of angular momentum l, on the file's mesh."""

    l: int
    values: np.ndarray  # (n_r,)
    strength: float = 0.0  # Ry, of a Kleinman-Bylander projector
    label: str = ""
    occupation: float = 0.0  # electrons, of an orbital


@dataclass(frozen=True, eq=False)
class Pseudopotential:
    """One species: what a UPF file tells, in Rydberg units."""

    name: str
    sha256: str
    element: str
    z_valence: float
    r: np.ndarray  # (n_r,) bohr
    rab: np.ndarray  # (n_r,) dr/di
    local: np.ndarray  # (n_r,) Ry
    density: np.ndarray  # (n_r,) 4 pi r^2 rho of the valence
    core_density: np.ndarray | None  # (n_r,) rho of the partial core, for exchange and correlation
    projectors: tuple[RadialFunction, ...]  # diagonal form
    orbitals: tuple[RadialFunction, ...]  # pseudo-atomic, bound and occupied or offered (occupation >= 0)
    core_1s: np.ndarray | None  # (n_r,) r phi of the 1s state (GIPAW block)
    p_waves: tuple[tuple[np.ndarray, np.ndarray], ...]  # all-electron and pseudo r phi of the p channels (GIPAW)
    cutoff_eV: float = 0.0  # that the file suggests; 0 if it does not

    def integrate(self, f: np.ndarray, n: int | None = None) -> np.ndarray:
        """Simpson integral over the first n (odd) points of the mesh, along the last axis."""
        n = n or len(self.r)
        n -= 1 - n % 2
        weights = np.ones(n)
        weights[1:-1:2], weights[2:-1:2] = 4, 2
        return f[..., :n] @ (self.rab[:n] * weights / 3)

    def transform(self, l: int, rf: np.ndarray, q: np.ndarray) -> np.ndarray:
        """4 pi times the integral of r^2 f(r) j_l(q r) dr, from r f(r); q in 1/bohr, shape kept."""
        n = int(np.flatnonzero(np.abs(rf) > 1e-12 * np.abs(rf).max())[-1]) + 2
        n = min(n + 1 - n % 2, len(self.r))
        kernel = spherical_jn(l, q[..., None] * self.r[:n])
        return 4 * np.pi * self.integrate(kernel * (rf[:n] * self.r[:n]), n)

    def level_error_eV(self, cutoff_Ry: float) -> float:
        """How far a cutoff lifts the hardest occupied level, at most: the kinetic energy of its orbital beyond it."""
        q = np.arange(0, HARDEST_Q, TABLE_STEP)
        inside = np.cos(np.pi / 2 * np.clip(self.r / TAIL_RADIUS - 1, 0, 1)) ** 2  # the tail only holds noise
        errors = [0.0]
        for orbital in self.orbitals:
            density = (q * self.transform(orbital.l, orbital.values * inside, q)) ** 2
            beyond = (density * q**2)[q**2 > cutoff_Ry].sum() / density.sum()
            errors.append(float(beyond) * RYDBERG_EV if orbital.occupation > 0 else 0.0)
        return max(errors)

    def local_potential(self, q: np.ndarray) -> np.ndarray:
        """Fourier transform of the local potential (Ry bohr^3); at q = 0 without the Coulomb divergence."""
        n = int(np.searchsorted(self.r, LOCAL_RADIUS))
        grid = np.arange(0, q.max() + 2 * TABLE_STEP, TABLE_STEP)
        short = self.r * self.local + 2 * self.z_valence * erf(self.r)
        kernel = spherical_jn(0, grid[:, None] * self.r[:n])
        smooth = CubicSpline(grid, 4 * np.pi * self.integrate(kernel * (short * self.r)[:n], n - 1 + n % 2))(q)
        q2 = np.where(q > 1e-8, q, 1.0) ** 2
        return smooth - 8 * np.pi * self.z_valence * np.where(q > 1e-8, np.exp(-q2 / 4) / q2, -0.25)


@lru_cache(maxsize=256)
def table(pseudo: Pseudopotential, function: RadialFunction, q_max: float) -> Callable[[np.ndarray], np.ndarray]:
    """The transform of a radial function as a spline up to q_max, kept for the next call."""
    q = np.arange(0, q_max + 2 * TABLE_STEP, TABLE_STEP)
    return CubicSpline(q, pseudo.transform(function.l, function.values, q))


def read_upf(path: str | os.PathLike) -> Pseudopotential:
    """Read a norm-conserving UPF file.

    Raises SikpdosError for a file that is broken, of version 1, ultrasoft, PAW, fully relativistic or not PBE.
    """
    data = files.read_bytes(path)
    name = os.path.basename(str(path)).removesuffix(".gz")
    try:
        root = _parse(data.decode("utf-8", "replace"))
        header = _node(root, "PP_HEADER").attrib
        _refuse(path, header)
        return Pseudopotential(
            name, hashlib.sha256(data).hexdigest(), header["element"].strip(), **_fields(root, header)
        )
    except (ElementTree.ParseError, AttributeError, KeyError, ValueError, TypeError, IndexError) as error:
        cause = (
            "version 1 of the format; convert it with upfconv" if b"<PP_HEADER>" in data else "not a readable UPF file"
        )
        raise SikpdosError(f"{path}: {cause} ({error})") from error


def _parse(text: str) -> ElementTree.Element:
    """The XML tree, without the free-text block that is not XML."""
    return ElementTree.fromstring(re.sub(r"<PP_INFO>.*?</PP_INFO>", "", text, flags=re.S).strip())


def _refuse(path: str | os.PathLike, header: dict[str, str]) -> None:
    def flag(key: str) -> bool:
        return header.get(key, "f").strip().lower().strip(".").startswith("t")

    kind = header["pseudo_type"].strip().upper()
    functional = header["functional"].upper().split()
    if kind not in ("NC", "SL") or flag("is_ultrasoft") or flag("is_paw"):
        raise SikpdosError(f"{path}: a {kind} pseudopotential; only norm-conserving ones can be used")
    if flag("has_so"):
        raise SikpdosError(f"{path}: fully relativistic; only scalar-relativistic pseudopotentials can be used")
    if (
        "PBE" not in functional
        and functional != ["SLA", "PW", "PBX", "PBC"]
        and functional != ["SLA", "PW", "PBE", "PBE"]
    ):
        raise SikpdosError(f"{path}: made for {' '.join(functional)}; the engine computes PBE")


def _node(root: ElementTree.Element, path: str) -> ElementTree.Element:
    node = root.find(path)
    if node is None:
        raise ValueError(f"{path} is missing")
    return node


def _numbers(node: ElementTree.Element, size: int | None = None) -> np.ndarray:
    values = np.array((node.text or "").replace("D", "E").split(), float)
    if (size is not None and values.size != size) or not np.isfinite(values).all():
        raise ValueError(f"{node.tag} is damaged")
    return values


def _fields(root: ElementTree.Element, header: dict[str, str]) -> dict:
    r = _numbers(_node(root, "PP_MESH/PP_R"))
    n = len(r)
    core = root.find("PP_NLCC")
    return {
        "z_valence": float(header["z_valence"]),
        "r": r,
        "rab": _numbers(_node(root, "PP_MESH/PP_RAB"), n),
        "local": _numbers(_node(root, "PP_LOCAL"), n),
        "density": _numbers(_node(root, "PP_RHOATOM"), n),
        "core_density": None if core is None else _numbers(core, n),
        "projectors": _projectors(root, n),
        "orbitals": _orbitals(root, n),
        "core_1s": _core_1s(root, n),
        "p_waves": _p_waves(root, n),
        "cutoff_eV": max(float(header.get("wfc_cutoff", 0)), 0.0) * RYDBERG_EV,
    }


def _numbered(parent: ElementTree.Element | None, tag: str) -> list[ElementTree.Element]:
    return [] if parent is None else [node for node in parent if re.fullmatch(rf"{tag}\.\d+", node.tag)]


def _projectors(root: ElementTree.Element, n: int) -> tuple[RadialFunction, ...]:
    """Projectors combined within each l such that their coupling matrix is diagonal."""
    nodes = _numbered(root.find("PP_NONLOCAL"), "PP_BETA")
    if not nodes:
        return ()
    l_of = np.array([int(node.attrib["angular_momentum"]) for node in nodes])
    beta = np.array([_numbers(node, n) for node in nodes])
    coupling = _numbers(_node(root, "PP_NONLOCAL/PP_DIJ"), len(nodes) ** 2).reshape(len(nodes), -1)
    out = []
    for l in sorted(set(l_of.tolist())):
        block = np.flatnonzero(l_of == l)
        strengths, u = np.linalg.eigh(coupling[np.ix_(block, block)])
        out += [RadialFunction(l, v, float(s)) for s, v in zip(strengths, u.T @ beta[block], strict=True)]
    return tuple(out)


def _orbitals(root: ElementTree.Element, n: int) -> tuple[RadialFunction, ...]:
    nodes = _numbered(root.find("PP_PSWFC"), "PP_CHI")
    return tuple(
        RadialFunction(
            int(node.attrib["l"]),
            _numbers(node, n),
            label=node.attrib["label"].strip(),
            occupation=float(node.attrib["occupation"]),
        )
        for node in nodes
        if float(node.attrib["occupation"]) >= 0
    )


def _core_1s(root: ElementTree.Element, n: int) -> np.ndarray | None:
    for node in _numbered(root.find("PP_GIPAW/PP_GIPAW_CORE_ORBITALS"), "PP_GIPAW_CORE_ORBITAL"):
        if node.attrib["label"].strip().upper() == "1S":
            return _numbers(node, n)
    return None


def _p_waves(root: ElementTree.Element, n: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    nodes = _numbered(root.find("PP_GIPAW/PP_GIPAW_ORBITALS"), "PP_GIPAW_ORBITAL")
    return tuple(
        (_numbers(_node(node, "PP_GIPAW_WFS_AE"), n), _numbers(_node(node, "PP_GIPAW_WFS_PS"), n))
        for node in nodes
        if int(node.attrib["l"]) == 1
    )
