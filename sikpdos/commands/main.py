"""The `sikpdos` command: subcommands, and the exit codes they share.

0 done, 1 expected failure (one line on stderr), 2 usage, 130 Ctrl-C, 141 closed pipe, 143 terminated.
Only typer is imported here; the commands import the numerical packages when they run.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable

import typer

from sikpdos import __version__
from sikpdos.commands.ablate import ablate
from sikpdos.commands.assemble import assemble
from sikpdos.commands.augment import augment
from sikpdos.commands.broaden import broaden
from sikpdos.commands.fetch_structures import fetch_structures
from sikpdos.commands.make_castep import make_castep
from sikpdos.commands.match import match
from sikpdos.commands.parse_odo import parse_odo
from sikpdos.commands.plot import plot
from sikpdos.commands.predict import predict
from sikpdos.commands.simulate import simulate
from sikpdos.commands.train import train
from sikpdos.common.errors import SikpdosError

COMMANDS = (
    ("train", train),
    ("predict", predict),
    ("match", match),
    ("broaden", broaden),
    ("assemble", assemble),
    ("ablate", ablate),
    ("plot", plot),
    ("make-castep", make_castep),
    ("parse-odo", parse_odo),
    ("fetch-structures", fetch_structures),
    ("augment", augment),
    ("simulate", simulate),
)

app = typer.Typer(
    name="sikpdos",
    help="The s and p density of states of a silicon atom from its Si K-edge spectrum.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_show_traceback = False


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sikpdos {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
    ),
    traceback: bool = typer.Option(False, "--traceback", help="Show Python's traceback on a failure."),
) -> None:
    global _show_traceback
    _show_traceback = traceback


def _fail(name: str, error: BaseException) -> typer.Exit:
    if _show_traceback:
        raise error
    lines = " ".join(str(error).split()) or type(error).__name__
    print(f"sikpdos {name}: {lines}", file=sys.stderr)
    return typer.Exit(1)


def _guarded(name: str, command: Callable) -> Callable:
    """The command with its failures turned into messages and exit codes."""

    @functools.wraps(command)
    def run(*args, **kwargs):
        try:
            command(*args, **kwargs)
            sys.stdout.flush()
        except BrokenPipeError:
            raise  # typer ends on it, and main sees why
        except ModuleNotFoundError as error:
            raise _fail(name, SikpdosError(f"{error}, needed here, in {sys.executable}")) from None
        except (SikpdosError, OSError, MemoryError) as error:
            raise _fail(name, error) from None

    return run


for _name, _command in COMMANDS:
    app.command(_name)(_guarded(_name, _command))


def main() -> None:
    """Entry point of the console script."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        app(prog_name="sikpdos")
    except SystemExit as end:
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # no second complaint at exit
        raise SystemExit(141) from None
