"""The templates reach the user from a checkout and from a wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile

import pytest
from support import ROOT

from sikpdos.common import resources

NAMES = {path.name for path in (ROOT / "castep_templates").iterdir()}


def test_checkout_uses_the_top_level_folder():
    assert resources.CASTEP_TEMPLATES.resolve() == (ROOT / "castep_templates").resolve()


@pytest.mark.parametrize("through_sdist", [False, True])
def test_wheel_carries_the_templates(tmp_path, through_sdist):
    """Built by the project's own settings from a tree that holds what the templates need."""
    pytest.importorskip("setuptools")
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, source)
    (source / "README.md").write_text("sikpdos\n")
    shutil.copytree(ROOT / "castep_templates", source / "castep_templates")
    shutil.copytree(ROOT / "sikpdos/castep", source / "sikpdos/castep", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "sikpdos/__init__.py", source / "sikpdos")
    shutil.copytree(ROOT / "sikpdos/common", source / "sikpdos/common", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "sikpdos/castep_templates", source / "sikpdos", follow_symlinks=False)
    if through_sdist:
        build(source, "build_sdist", tmp_path)
        shutil.unpack_archive(next(tmp_path.glob("*.tar.gz")), tmp_path / "unpacked")
        source = next((tmp_path / "unpacked").iterdir())
    build(source, "build_wheel", tmp_path)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        held = {name.rsplit("/", 1)[1] for name in wheel.namelist() if name.startswith("sikpdos/castep_templates/")}
        assert held == NAMES
        assert wheel.read("sikpdos/castep_templates/hole.cell") == (ROOT / "castep_templates/hole.cell").read_bytes()


def build(source, step: str, out) -> None:
    code = f"import setuptools.build_meta as b; b.{step}({str(out)!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
