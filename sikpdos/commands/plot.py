"""`sikpdos plot`."""

from __future__ import annotations

from typing import Annotated

import typer

from sikpdos.commands import options

HTML = (".html",)


def plot(
    files: Annotated[
        list[str], typer.Argument(help="Anything that the suite reads or writes, told by its content; -.")
    ],
    output: Annotated[str, options.output("Figure to write: png, pdf or svg by its name, html of maps; - is PNG.")],
    figure: Annotated[
        int | None, typer.Option("--figure", min=1, max=6, help="One of the paper's figures, see above.")
    ] = None,
    site: Annotated[
        str | None,
        typer.Option(
            "--site",
            show_default="Si-I-0, or where that is not predicted, the first in Figure 1",
            help="Site of Figure 1, and the true one of Figure 6.",
        ),
    ] = None,
    window: Annotated[
        list[str] | None,
        typer.Option(
            "--window",
            metavar="LO,HI",
            show_default="-12,-5 and -5,0 and 0,5",
            help="Energies from the Fermi level that maps are of, eV; may be repeated.",
        ),
    ] = None,
) -> None:
    """Draw files of the suite, one below the other, or one of the paper's Figures 1 to 6.

    \b
    Without --figure: spectra, raw sites, curves, datasets, databases, models,
    predictions, PDOS tables, training logs, matches, ablations, and maps of a
    spectrum image, which -o NAME.html makes a page for a browser.
    The paper's figures and the files that they need, in any order:
      1  one test site: edge, s and p predicted and true   dataset.npz predictions.npz
      2  errors of all test sites, four sites in full      dataset.npz predictions.npz
      3  error against growing windows of the edge         ablation.csv
      4  error against single windows                      ablation.csv
      5  gain over template matching                       matches.csv (of match --model)
      6  a simulated measurement     exp.msa predictions.npz [more.npz] and the true
                                 PDOS: exp_true_pdos.csv, or dataset.npz
    Predictions are of predict -o NAME.npz; for 1 and 2 of a dataset with --part test;
    the true PDOS must have the sigma of the model's (a dataset knows its own).

    \b
    Example: sikpdos predict exp.msa | sikpdos plot - -o pdos.png
    Example: sikpdos plot dataset.npz predictions.npz --figure 1 -o figure1.pdf
    """
    if files.count("-") > 1:
        raise typer.BadParameter("the standard input can be read once only", param_hint="FILES")
    windows = [options.increasing(text, "--window") for text in window or ()]
    if figure is not None and windows:
        raise typer.BadParameter("is for maps, not for the paper's figures", param_hint="--window")
    options.check_output(output, options.FIGURES + (HTML if figure is None else ()))

    from sikpdos.common.files import suffix
    from sikpdos.plot import paper, quick
    from sikpdos.plot.read import read

    sources = [read(file) for file in files]
    if figure is None and suffix(output) in HTML:
        quick.draw_page(output, sources, windows)
    elif figure is None:
        quick.draw(output, sources, windows)
    else:
        paper.draw(output, figure, sources, site)
