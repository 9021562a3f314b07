"""Shell completion: the code that `--show-completion` prints works in the shell it is for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from support import ROOT, assert_usage_error

from sikpdos.commands.main import COMMANDS, SHELLS

ENVIRONMENT = {**os.environ, "PATH": f"{ROOT / 'bin'}:{os.environ['PATH']}", "SIKPDOS_PYTHON": sys.executable}


def completed(*words: str) -> list[str]:
    """What bash offers for the last of some words."""
    line = (
        'eval "$(sikpdos --show-completion bash)"; '
        f"COMP_WORDS=({' '.join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}; "
        '_sikpdos_completion sikpdos; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=ENVIRONMENT)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_options_and_values():
    assert completed("sikpdos", "") == list(COMMANDS)
    assert completed("sikpdos", "pr") == ["predict"]
    assert "--output" in completed("sikpdos", "match", "--o")
    assert completed("sikpdos", "predict", "--model", "") == ["0.5", "1.2", "measured"]
    assert completed("sikpdos", "predict", "--part", "t") == ["test", "train"]
    assert completed("sikpdos", "match", "--split", "") == ["grouped", "random"]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_code_is_the_asked_shells_own(cli, shell):
    done = cli("--show-completion", shell)
    assert done.returncode == 0
    assert f"complete_{shell}" in done.stdout
    assert done.stdout == cli(f"--show-completion={shell}").stdout
    if shutil.which(shell):
        assert subprocess.run([shell, "-n"], input=done.stdout.encode(), capture_output=True).returncode == 0


def test_another_shell_is_a_usage_error(cli):
    assert_usage_error(cli("--show-completion", "csh"), "bash, zsh, fish")
    assert_usage_error(cli("--show-completion"), "bash, zsh, fish")
