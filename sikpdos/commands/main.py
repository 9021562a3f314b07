"""The `sikpdos` command: subcommands, and the exit codes they share.

0 done, 1 expected failure (one line on stderr), 2 usage, 130 Ctrl-C, 141 closed pipe, 143 terminated.
Only typer is imported here; of the commands only the module of the one that is asked for, which imports the
numerical packages when it runs.
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

import typer
from typer.core import TyperCommand, TyperGroup

from sikpdos.commands import streams
from sikpdos.commands.console import Console
from sikpdos.common.errors import SikpdosError
from sikpdos.common.version import __version__

# Each command's first line, so that the list of commands imports none of them
COMMANDS = {
    "predict": "Predict the s and p density of states from Si K-edge spectra.",
    "match": "Template matching: the PDOS of the nearest known spectrum, the baseline of the model.",
    "plot": "Draw files of the suite, one below the other, or one of the paper's Figures 1 to 6.",
    "fetch-structures": "Collect silicon crystals: primitive cells, inequivalent sites, families.",
    "augment": "Make new structures: changed copies, random crystals, amorphous cells, defects and surfaces.",
    "simulate": "Compute Si K-edges (full core hole) and ground-state s, p densities of states of crystals.",
    "make-castep": "Write CASTEP and OptaDOS inputs: each structure's ground state, each site's core hole.",
    "parse-odo": "Read OptaDOS and CASTEP results: a file to CSV, or a folder of runs to raw site files.",
    "broaden": "Broaden raw sites to the two grids: edge on -1 to 19 eV, PDOS on -15 to 15 eV.",
    "assemble": "Put sites together to a dataset: normalised spectra, PDOS, families, checks.",
    "train": "Train an ensemble of 1D CNNs on a dataset and score it on the test part.",
    "ablate": "Train on windows of the edge and compare the errors in four regions of the PDOS.",
}
SHELLS = ("bash", "zsh", "fish")
_SHOW_COMPLETION = "--show-completion"
_Context: TypeAlias = Any  # of click, as is _Command: newer versions of typer carry them inside
_Command: TypeAlias = Any
_typer = functools.partial(typer.Typer, pretty_exceptions_enable=False, rich_markup_mode=None, add_completion=False)
_show_traceback = False


def load(name: str) -> _Command:
    """The command of a name, its module imported."""
    module = importlib.import_module(f"sikpdos.commands.{name.replace('-', '_')}")
    single = _typer()
    single.command(name)(_guarded(name, getattr(module, name.replace("-", "_"))))
    return typer.main.get_command(single)


class LazyGroup(TyperGroup):
    """Commands that are known by name and first line until one is asked for."""

    def __init__(self, **attributes) -> None:
        super().__init__(**attributes)
        self.commands.update({name: TyperCommand(name, short_help=line) for name, line in COMMANDS.items()})

    def resolve_command(self, ctx: _Context, args: list[str]) -> tuple:
        """The command that arguments ask for, in place of its name and first line."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, None if name is None or command is None else load(name), rest

    def get_help_option(self, ctx: _Context) -> typer.core.TyperOption | None:
        """`--help`, off by default: typer would convert its usual default, None, and import pydantic for it."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option

    def parse_args(self, ctx: _Context, args: list[str]) -> list[str]:
        """`--show-completion SHELL` ends here: an option of any other type than a flag would import pydantic, too."""
        option, _, shell = args[0].partition("=") if args else ("", "", "")
        if option == _SHOW_COMPLETION and not ctx.resilient_parsing:
            _print_completion(shell or "".join(args[1:2]), ctx)
        return super().parse_args(ctx, args)


app = _typer(
    name="sikpdos",
    cls=LazyGroup,
    help="The s and p density of states of a silicon atom from its Si K-edge spectrum.",
    no_args_is_help=True,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda name: "output" if name == "out" else name,  # its spelling in version 0.1
    },
)


def _print_completion(shell: str, ctx: _Context) -> None:
    from typer.completion import get_completion_script

    if shell not in SHELLS:
        raise typer.BadParameter(f"'{shell}' is none of {', '.join(SHELLS)}", ctx=ctx, param_hint=_SHOW_COMPLETION)
    typer.echo(get_completion_script(prog_name="sikpdos", complete_var="_SIKPDOS_COMPLETE", shell=shell))
    raise typer.Exit


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
    show_completion: bool = typer.Option(
        False, _SHOW_COMPLETION, help="Print the code that lets a shell complete commands: bash, zsh or fish follows."
    ),
) -> None:
    global _show_traceback
    _show_traceback = traceback


def _fail(name: str, error: BaseException) -> typer.Exit:
    if _show_traceback:
        raise error
    Console(name).say(str(error).strip() or type(error).__name__)
    return typer.Exit(1)


def _guarded(name: str, command: Callable) -> Callable:
    """The command with its failures turned into messages and exit codes."""

    @functools.wraps(command)
    def run(*args, **kwargs):
        try:
            try:
                command(*args, **kwargs)
            except typer.Exit:  # what was printed before it is meant
                sys.stdout.flush()
                raise
            sys.stdout.flush()
        except BrokenPipeError:
            raise  # typer ends on it, and main sees why
        except ModuleNotFoundError as error:
            raise _fail(name, SikpdosError(f"{error}, needed here, in {sys.executable}")) from None
        except (SikpdosError, OSError, MemoryError) as error:
            raise _fail(name, error) from None

    return run


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    streams.repair()
    if "_SIKPDOS_COMPLETE" in os.environ:
        from typer.completion import completion_init

        completion_init()
    try:
        app(prog_name="sikpdos")
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            streams.drop_stdout()
            raise SystemExit(141) from None
        if end.code == 1:
            streams.drop_stdout()
        raise
    except OSError as error:  # of help, version or completion, which are printed outside of the commands
        print(f"sikpdos: standard output: {error.strerror}", file=sys.stderr)
        streams.drop_stdout()
        raise SystemExit(1) from None
