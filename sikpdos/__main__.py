"""`python -m sikpdos`, as bin/sikpdos runs it: under any interpreter that SIKPDOS_PYTHON may name."""

import sys

if sys.version_info < (3, 10):  # noqa: UP036 - no pip has checked it here
    sys.exit("sikpdos: needs Python 3.10 or newer, not " + sys.executable)

try:
    from sikpdos.commands.main import main
except ModuleNotFoundError as error:
    if str(error.name).startswith("sikpdos"):
        raise
    sys.exit("sikpdos: " + sys.executable + " lacks the package " + error.name)
except KeyboardInterrupt:
    sys.exit(130)

main()
