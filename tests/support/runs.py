"""The public command, in a process of its own or, where that is not the point, inside this one: no imports anew."""

from __future__ import annotations

import contextlib
import io
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from sikpdos.commands.main import main
from support import ROOT


def run(*arguments, stdin: bytes | None = None, cwd=None, env: dict | None = None, text: bool = True):
    """The `cli` of tests; variables of the environment ask for a process."""
    words = [str(argument) for argument in arguments]
    done = in_this_process(words, stdin or b"", cwd) if env is None else in_new_process(words, stdin or b"", cwd, env)
    if text:
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    return done


def in_new_process(arguments: list[str], stdin: bytes, cwd, env: dict) -> subprocess.CompletedProcess:
    """`python -m sikpdos ARGUMENTS`."""
    return subprocess.run(
        [sys.executable, "-m", "sikpdos", *arguments],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
    )


def script(path: Path, *arguments) -> subprocess.CompletedProcess:
    """`python PATH ARGUMENTS`, inside this process; it may import what lies beside it and in examples/."""
    paths = [str(path.parent), str(ROOT / "examples")]
    sys.path[:0] = paths
    try:
        words = [str(argument) for argument in arguments]
        done = in_this_process(words, b"", None, lambda: runpy.run_path(str(path), run_name="__main__"))
    finally:
        for folder in paths:
            sys.path.remove(folder)
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    return done


def in_this_process(
    arguments: list[str], stdin: bytes, cwd: str | os.PathLike | None, program: Callable[[], object] = main
) -> subprocess.CompletedProcess:
    """What `sikpdos ARGUMENTS` leaves: exit code, and the bytes of its two streams, which are files as in a shell."""
    with tempfile.TemporaryDirectory(prefix="sikpdos-cli-") as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        with _surroundings(arguments, stdin, cwd, out, err):
            code = _exit_code(program)
        return subprocess.CompletedProcess(arguments, code, out.read_bytes(), err.read_bytes())


def _exit_code(program: Callable[[], object]) -> int:
    try:
        program()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # as Python does at the end of a process
        traceback.print_exc()
        return 1
    return 0


@contextlib.contextmanager
def _surroundings(arguments: list[str], stdin: bytes, cwd, out: Path, err: Path) -> Iterator[None]:
    """Arguments, streams, folder and signals of a new process; all as before afterwards."""
    kept = sys.argv, sys.stdin, sys.stdout, sys.stderr
    folder, terminate, threads = os.getcwd(), signal.getsignal(signal.SIGTERM), _torch_threads()
    with open(out, "w", encoding="utf-8") as stdout, open(err, "w", encoding="utf-8") as stderr:
        try:
            os.chdir(cwd or folder)
            sys.argv = ["sikpdos", *arguments]
            sys.stdin = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
            sys.stdout, sys.stderr = stdout, stderr
            yield
        finally:
            sys.argv, sys.stdin, sys.stdout, sys.stderr = kept
            os.chdir(folder)
            signal.signal(signal.SIGTERM, terminate)
            if threads is not None:
                sys.modules["torch"].set_num_threads(threads)


def _torch_threads() -> int | None:
    return sys.modules["torch"].get_num_threads() if "torch" in sys.modules else None


def interruptible() -> None:
    """For a process about to start: Ctrl-C reaches it, also where the tests run in the background of a script."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
