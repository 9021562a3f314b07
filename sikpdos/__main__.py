"""`python -m sikpdos`, as bin/sikpdos runs it: under any interpreter that SIKPDOS_PYTHON may name."""

import os
import sys

if sys.version_info < (3, 10):  # noqa: UP036 - no pip has checked it here
    sys.exit("sikpdos: needs Python 3.10 or newer, not " + sys.executable)


def main():
    """Entry point: Ctrl-C ends without a traceback at any time, while packages are imported too."""
    # NumPy's matrices are small here: further threads cost time (PyTorch has its own). Whoever sets a number gets it
    os.environ.setdefault("OPENBLAS_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    try:
        from sikpdos.commands.main import main as run

        run()
    except ModuleNotFoundError as error:
        if str(error.name).startswith("sikpdos"):
            raise
        sys.exit("sikpdos: " + sys.executable + " lacks the package " + error.name)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
