"""A real Slurm of this machine alone, for tests of job arrays: started in a folder, stopped afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=10
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/ctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/ctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
KillWait=5
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
MinJobAge=300
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@contextmanager
def running_slurm(folder: Path) -> Iterator[dict[str, str]]:
    """The environment in which sbatch and squeue reach it; the test is skipped where it can't be started."""
    missing = [name for name in ("munged", "slurmctld", "slurmd", "sbatch") if not shutil.which(name)]
    if missing or os.geteuid() != 0:
        pytest.skip(f"needs root and Slurm: {', '.join(missing) or 'not root'}")
    folder.chmod(0o755)
    (folder / "state").mkdir()
    (folder / "spool").mkdir()
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    names = {"host": socket.gethostname().split(".")[0], "folder": folder}
    conf = _CONF.format(**names, controller_port=free_port(), node_port=free_port())
    (folder / "slurm.conf").write_text(conf)
    daemons = [start_munge(folder)]
    try:
        for program in ("slurmctld", "slurmd"):
            command = [program, "-D", "-f", str(folder / "slurm.conf")]
            daemons.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL))
        wait_for_node(environment, folder)
        yield environment
    finally:
        for daemon in reversed(daemons):
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(timeout=20)


def start_munge(folder: Path) -> subprocess.Popen:
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    paths = [f"--{name}={folder}/munge.{name}" for name in ("socket",)]
    paths += [f"--key-file={key}", f"--pid-file={folder}/munge.pid", f"--log-file={folder}/munge.log"]
    return subprocess.Popen(
        ["munged", "--foreground", "--force", f"--seed-file={folder}/munge.seed", *paths], stderr=subprocess.DEVNULL
    )


def wait_for_node(environment: dict[str, str], folder: Path, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        state = subprocess.run(["sinfo", "-h", "-o", "%T"], env=environment, capture_output=True, text=True).stdout
        if "idle" in state:
            return
        time.sleep(0.3)
    log = (folder / "ctld.log").read_text()[-500:] if (folder / "ctld.log").exists() else "no log"
    pytest.skip(f"Slurm did not start here: {log}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_array(script: Path, environment: dict[str, str]) -> None:
    """Submit a job array from its folder and wait until it has left the queue."""
    done = subprocess.run(["sbatch", script.name], cwd=script.parent, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    wait_until_done(environment)


def wait_until_done(environment: dict[str, str], seconds: float = 60) -> None:
    """Wait until no job is waiting or running."""
    wait_for(lambda: not slurm(environment, "squeue", "-h"), "end of the job array", seconds)


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 60, step: float = 0.3) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for: {what}"
        time.sleep(step)


def slurm(environment: dict[str, str], *command: str) -> str:
    """What one of Slurm's commands prints."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
