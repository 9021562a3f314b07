"""A reading tried in a child process first: HDF5's library may loop for ever, or crash, on a damaged file."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import warnings
from collections.abc import Callable

from sikpdos.common.errors import SikpdosError


def try_in_child(read: Callable[[], object], seconds: float) -> None:
    """Run `read` in a fork of this process; what it returns or raises is of no interest, only that it ends.

    Raises SikpdosError where it does not end in time or kills its process. Does nothing where there is no fork.
    """
    if not hasattr(os, "fork"):
        return
    ended, end = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, none of which the child uses
        child = os.fork()
    if child == 0:
        os.close(ended)
        with contextlib.suppress(BaseException):
            read()
        os._exit(0)
    os.close(end)
    try:
        in_time = bool(select.select([ended], [], [], seconds)[0])  # readable once the child is gone
    finally:
        os.close(ended)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
    if not in_time:
        raise SikpdosError(f"damaged HDF5 file (not read within {seconds:.0f} s)")
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGKILL:
        raise SikpdosError("damaged HDF5 file (its library crashes on it)")
