"""Writing the runs folder: nothing that a user may have edited is overwritten."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sikpdos.castep import templates
from sikpdos.castep.inputs import Input
from sikpdos.castep.runs import runs_csv
from sikpdos.common import files, resources

_SCRIPTS = ("run.sh", "slurm.sh")


@dataclass(frozen=True)
class Written:
    """What a writing did."""

    n_runs: int
    n_new: int  # files that were not there, or replaced
    kept: tuple[str, ...]  # files that were there with other content and stay as they are


def write_inputs(
    inputs: Iterable[Input],
    out: str | os.PathLike,
    folder: str | os.PathLike = resources.CASTEP_TEMPLATES,
    force: bool = False,
) -> Written:
    """Write input files, run.sh, slurm.sh and runs.csv below `out`.

    A file that exists with other content is kept and told of, unless `force`.
    """
    out = Path(out)
    texts: dict[Path, str] = {}
    runs = []
    for item in inputs:
        runs.append(item.run)
        texts |= {out / item.run.folder / name: text for name, text in item.files.items()}
    for name in _SCRIPTS:
        texts[out / name] = templates.filled(name, {"n_runs": len(runs)}, folder)
    texts[out / "runs.csv"] = runs_csv(runs)
    outcomes = {path: _write(path, text, force) for path, text in texts.items()}
    kept = tuple(str(path) for path, outcome in outcomes.items() if outcome == "kept")
    return Written(len(runs), sum(outcome == "new" for outcome in outcomes.values()), kept)


def _write(path: Path, text: str, force: bool) -> str:
    content = text.encode()
    if path.exists():
        if path.read_bytes() == content:
            return "same"
        if not force:
            return "kept"
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.output(path) as stream:
        stream.write(content)
    if path.name in _SCRIPTS:
        path.chmod(path.stat().st_mode | 0o111)
    return "new"
