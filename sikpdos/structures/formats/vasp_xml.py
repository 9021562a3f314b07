"""VASP's vasprun.xml: the last structure."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

from sikpdos.common.errors import SikpdosError
from sikpdos.structures import elements
from sikpdos.structures.formats.crystal import Crystal, check_count, from_fractional
from sikpdos.structures.formats.numbers import three

_CHUNK = 1 << 16  # characters


def crystal_of(text: str) -> Crystal:
    """The last structure of a run (the final one of a complete run). Raises SikpdosError where there is none."""
    symbols: list[str] = []
    lattice_A, positions = [], []
    try:
        for node in _nodes(text):
            if node.tag == "atominfo":
                rows = node.findall("array[@name='atoms']/set/rc")
                symbols = [elements.of_symbol((row.findtext("c") or "").strip()) for row in rows]
            else:
                lattice_A = [three((v.text or "").split()) for v in node.findall("crystal/varray[@name='basis']/v")]
                positions = [three((v.text or "").split()) for v in node.findall("varray[@name='positions']/v")]
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        if not positions:  # else a run that was stopped
            raise SikpdosError(f"damaged vasprun.xml ({error})") from None
    if not symbols or not positions:
        raise SikpdosError("vasprun.xml without atoms")
    check_count(len(positions))
    return from_fractional(lattice_A, symbols, positions)


def _nodes(text: str) -> Iterator[ElementTree.Element]:
    """The elements `atominfo` and `structure`; the content of others is forgotten as it is read."""
    parser: ElementTree.XMLPullParser[ElementTree.Element] = ElementTree.XMLPullParser(("end",))
    for start in range(0, len(text), _CHUNK):
        parser.feed(text[start : start + _CHUNK].encode())
        for event in parser.read_events():
            node = event[-1]
            if not isinstance(node, ElementTree.Element):  # other kinds of events, which were not asked for
                continue
            if node.tag in ("atominfo", "structure"):
                yield node
            if node.tag in ("calculation", "structure", "eigenvalues", "dos", "projected"):
                node.clear()
