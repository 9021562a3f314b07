"""Files that come with the package: where the data, the structures and the CASTEP templates lie."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent.parent
DATABASE = PACKAGE / "data" / "database.npz"
EXTERNAL = PACKAGE / "data" / "external.npz"
OXIDE = PACKAGE / "data" / "oxide.npz"  # the edge of quartz
EDGE_TEMPLATES = PACKAGE / "data" / "edge_templates.npz"
ABSORPTION = PACKAGE / "data" / "absorption.csv"
MODELS = PACKAGE / "data" / "models"
PSEUDOPOTENTIALS = PACKAGE / "data" / "pseudo"
CATALOGUE = PACKAGE / "structures" / "catalogue.toml"
COMPOUNDS = PACKAGE / "structures" / "compounds.toml"
CASTEP_TEMPLATES = PACKAGE / "castep_templates"  # in a checkout a link to the top-level folder


def entries(path: Path, key: str) -> list[dict[str, Any]]:
    """The tables [[key]] of a TOML file of the package, in its order."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    return list(tomllib.loads(path.read_text("utf-8"))[key])
