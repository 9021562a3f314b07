"""The bundled pseudopotentials: which elements there are, what each needs, and what it cannot do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from sikpdos.common import config, resources
from sikpdos.engine.pseudopotential import Pseudopotential, read_upf

_FOLDER = resources.PSEUDOPOTENTIALS


@dataclass(frozen=True)
class Element:
    """What an element's bundled pseudopotential needs (elements.toml)."""

    cutoff_eV: float = 500.0
    box: float = 3.0  # of the FFT in single precision, in largest wave vectors
    weakness: str = ""
    open_shell: bool = False  # d electrons whose spin is not computed


@cache
def _table() -> dict[str, dict]:
    return config.read_toml(_FOLDER / "elements.toml")


@cache
def elements() -> dict[str, Element]:
    """The elements with a bundled pseudopotential."""
    return {name: config.from_dict(Element, row) for name, row in _table().items() if name != "core_hole"}


def core_energy_eV() -> float:
    """What the bundled silicon pair leaves out of a 1s excitation: the core's part, spin-polarised (README)."""
    return sum(_table()["core_hole"].values())


@cache
def bundled(element: str) -> Pseudopotential:
    """An element's bundled pseudopotential. Raises KeyError."""
    elements()[element]
    packed = _FOLDER / f"{element}.UPF.gz"
    return read_upf(packed if packed.exists() else _FOLDER / f"{element}.UPF")


class Species(Mapping[str, Pseudopotential]):
    """The pseudopotential of each element: the user's, else the bundled one, read when it is first asked for."""

    def __init__(self, given: Sequence[Pseudopotential] = ()):
        self.given = {pseudo.element: pseudo for pseudo in given}

    def __getitem__(self, element: str) -> Pseudopotential:
        return self.given.get(element) or bundled(element)

    def __iter__(self) -> Iterator[str]:
        return iter({**elements(), **self.given})

    def __len__(self) -> int:
        return len({**elements(), **self.given})

    def needs(self, element: str) -> Element:
        """What an element needs; a file of the user's recommends its own cutoff, or none (0)."""
        if element in self.given:
            return Element(cutoff_eV=self.given[element].cutoff_eV)
        return elements()[element]

    def spin(self, elements: Sequence[str]) -> str:
        """A word for the meta data: nothing is spin-polarised, which matters for open d shells."""
        open_shells = [e for e in sorted(set(elements)) if self.needs(e).open_shell]
        return "none" + (f"; open d shells, so without moments: {', '.join(open_shells)}" if open_shells else "")
