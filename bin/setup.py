"""Make or update the private environment .venv/ beside this folder: `setup.py run` or `setup.py test`.

Runs under any Python 3.10 or newer, on its standard library alone. A file `ready-run` or `ready-test` in .venv/ is
written last and holds what was installed (pyproject.toml and constraints.txt), so the start scripts can tell by one
comparison whether all is well. An environment without either file was interrupted and is made anew.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "bin" / "constraints.txt"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OURS = VENV / "made-by-sikpdos"
READY = {"run": VENV / "ready-run", "test": VENV / "ready-test"}
SHOWN = re.compile(r"Downloading .* MB|Building|Installing|ERROR")

# Printed by the environment's own interpreter: Python 3.10 has no tomllib, but its pip brings one.
LIST_REQUIREMENTS = """
import sys
try:
    import tomllib
except ModuleNotFoundError:
    from pip._vendor import tomli as tomllib
with open(sys.argv[1], "rb") as stream:
    project = tomllib.load(stream)["project"]
extras = project["optional-dependencies"]
print("\\n".join(project["dependencies"] + [line for extra in sys.argv[2:] for line in extras[extra]]))
"""


class SetupError(Exception):
    """Why the environment cannot be made, in one line."""


def say(message: str) -> None:
    print(f"sikpdos: {message}", file=sys.stderr, flush=True)


@contextmanager
def lock():
    """One set-up at a time. Child processes inherit the lock, so it is free when a killed set-up's last pip is gone."""
    with open(ROOT / ".venv.lock", "w") as stream:
        os.set_inheritable(stream.fileno(), True)
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another set-up to finish")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def wanted_state() -> bytes:
    """What a finished environment's mark holds; the start scripts compare the same bytes."""
    return (ROOT / "pyproject.toml").read_bytes() + CONSTRAINTS.read_bytes()


def is_ready(need: str) -> bool:
    return os.access(PYTHON, os.X_OK) and READY[need].is_file() and READY[need].read_bytes() == wanted_state()


def make_environment() -> None:
    """A new virtual environment in place of an unfinished one, never of somebody else's."""
    if VENV.exists() and not OURS.exists() and any(VENV.iterdir()):
        raise SetupError(f"{VENV} is not mine: move it away, or name its interpreter in SIKPDOS_PYTHON")
    say(f"first start: making a private environment in {VENV} (some minutes)")
    if VENV.exists():
        for entry in VENV.iterdir():
            if entry != OURS:
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    VENV.mkdir(exist_ok=True)
    OURS.touch()
    interpreter = os.path.realpath(sys.executable)  # python3 may be another version after an upgrade
    if importlib.util.find_spec("ensurepip"):
        run([interpreter, "-m", "venv", str(VENV)])
    elif shutil.which("virtualenv"):
        run(["virtualenv", "--quiet", "--python", interpreter, str(VENV)])
    else:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SetupError(f"{interpreter} cannot make environments (Debian, Ubuntu: apt install python{version}-venv)")


def spawn(command: list[str]) -> subprocess.Popen:
    """A child with one pipe for its output, and the lock inherited.

    It sees none of the caller's settings that would send packages elsewhere or count foreign ones as installed.
    """
    settings = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    settings |= {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=settings, close_fds=False
    )


def run(command: list[str]) -> str:
    """Output of a command; SetupError with its last line where it fails."""
    with spawn(command) as process:
        output = process.stdout.read()
    if process.returncode:
        raise SetupError(f"{' '.join(command[:3])} failed: {(output.strip() or 'no output').splitlines()[-1]}")
    return output


def pip_install(*arguments: str) -> bool:
    """Whether pip installed it; the steps that take time, and errors, are shown."""
    command = [str(PYTHON), "-m", "pip", "install", "--progress-bar", "off", "--prefer-binary"]
    with spawn([*command, "--constraint", str(CONSTRAINTS), *arguments]) as process:
        for line in process.stdout:
            if SHOWN.match(line.strip()):
                say(line.strip().partition(": ")[0] if line.startswith("Installing") else line.strip())
    return process.returncode == 0


def prefer_cpu_torch(requirements: list[str]) -> None:
    """PyTorch without gigabytes of CUDA, where there is no NVIDIA GPU and pip is configured to find such a build."""
    pin = next((line for line in CONSTRAINTS.read_text().splitlines() if line.startswith("torch==")), None)
    wanted = pin and any(line.startswith("torch") for line in requirements)
    if not wanted or platform.system() != "Linux" or os.path.exists("/dev/nvidiactl"):
        return
    say("PyTorch (200 MB)")
    try:
        run([str(PYTHON), "-m", "pip", "install", "--no-deps", "--only-binary=:all:", f"{pin}+cpu"])
    except SetupError:
        say("pip offers PyTorch only with CUDA (gigabytes). For the small CPU build press Ctrl-C, set")
        say("PIP_EXTRA_INDEX_URL to PyTorch's index of CPU builds (see its installation page), and start again")


def install(need: str) -> None:
    """The packages of pyproject.toml in the versions of constraints.txt.

    pip changes nothing before all is downloaded, so where it gives up by itself (no network) the old marks stay true;
    where it is killed, no mark is left and the next start makes the environment anew.
    """
    marks = {mark: mark.read_bytes() for mark in READY.values() if mark.exists()}
    if marks:
        say("updating the private environment")
    for mark in marks:
        mark.unlink()
    extras = ["test"] if need == "test" else []
    listed = run([str(PYTHON), "-c", LIST_REQUIREMENTS, str(ROOT / "pyproject.toml"), *extras])
    requirements = listed.splitlines()
    prefer_cpu_torch(requirements)
    if not pip_install(*requirements):
        for mark, content in marks.items():
            mark.write_bytes(content)
        raise SetupError("set-up failed: pip could not install the packages; the next start tries again")
    for name in {"run", need}:
        READY[name].write_bytes(wanted_state())
    say("the environment is ready")


def main(need: str) -> None:
    with lock():
        if is_ready(need):
            return
        if not (os.access(PYTHON, os.X_OK) and any(mark.exists() for mark in READY.values())):
            make_environment()
        install(need)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except SetupError as error:
        sys.exit(f"sikpdos: {error}")
    except OSError as error:
        sys.exit(f"sikpdos: set-up failed: {error} (SIKPDOS_PYTHON can name an interpreter that has the packages)")
    except KeyboardInterrupt:
        sys.exit(130)
