"""`python -m sikpdos`, as bin/sikpdos runs it: under any interpreter that SIKPDOS_PYTHON may name."""

import sys

if sys.version_info < (3, 10):  # noqa: UP036 - no pip has checked it here
    sys.exit("sikpdos: needs Python 3.10 or newer, not " + sys.executable)


def main():
    """Entry point: Ctrl-C ends without a traceback at any time, while packages are imported too."""
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
