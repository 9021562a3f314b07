"""The README's accuracy table: the shipped kind of model against every baseline, same splits, one run.

    bin/bench accuracy [--sigma 0.5] [--seeds 5] [--dataset FILE] [--split grouped] [--protocol paper]

Grouped and random 6:2:2 splits; test parts, and the external set, also by kind: elemental crystals as they were found,
compounds, amorphous cells. --protocol paper: a random split of crystals as they were found and amorphous sites, as
Takahara et al. did.
Baselines get training and validation parts together and choose their own parameters by grouped cross-validation inside
them; the network uses the same sites, each member keeping one fold for early stopping. MSE in (states/eV)^2 over s and
p, mean and spread over seeds.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline

from sikpdos.common import config, resources
from sikpdos.common.grid import PDOS
from sikpdos.dataset import curves, database, split
from sikpdos.dataset.assembly import assemble
from sikpdos.dataset.dataset import Dataset, read_dataset
from sikpdos.model import kernel_regression, metrics
from sikpdos.model.mixture import Model, predict
from sikpdos.model.settings import Settings
from sikpdos.model.template_matching import match
from sikpdos.model.training import train

OURS, TOLD = "sikpdos", "sikpdos, told the class"
KERNEL = "kernel regression, part of sikpdos"
FOUND, GLASSY, COMPOUNDS = "elemental crystals as they were found", "amorphous", "compounds"
AMORPHOUS = ("Si-amorphous-", "Si-quenched-")  # what ids of such sites begin with
Run = dict[str, tuple[dict[str, np.ndarray], float]]  # of each part that has sites: errors by method, coverage


class PublishedNetwork:
    """Two hidden layers 160 and 120, ReLU, dropout 0.27, Adam 1e-4 (doi:10.1021/acs.jpclett.3c00142)."""

    def fit(self, x: np.ndarray, y: np.ndarray, groups: np.ndarray) -> PublishedNetwork:
        torch.manual_seed(0)
        layers = [torch.nn.Linear(x.shape[1], 160), torch.nn.ReLU(), torch.nn.Dropout(0.27)]
        layers += [torch.nn.Linear(160, 120), torch.nn.ReLU(), torch.nn.Dropout(0.27), torch.nn.Linear(120, y.shape[1])]
        self.net = torch.nn.Sequential(*layers)
        inputs, targets = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
        held = np.isin(groups, np.random.default_rng(0).permutation(np.unique(groups))[: len(np.unique(groups)) // 4])
        best, state = np.inf, None
        optimizer = torch.optim.Adam(self.net.parameters(), 1e-4)
        for _ in range(2000):
            self.net.train()
            for batch in torch.randperm(int((~held).sum())).split(32):
                rows = torch.tensor(np.flatnonzero(~held))[batch]
                optimizer.zero_grad()
                (self.net(inputs[rows]) - targets[rows]).square().mean().backward()
                optimizer.step()
            self.net.eval()
            with torch.no_grad():
                error = float((self.net(inputs[held]) - targets[held]).square().mean())
            if error < best:
                best, state = error, {k: v.clone() for k, v in self.net.state_dict().items()}
        self.net.load_state_dict(state)
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return self.net(torch.tensor(x, dtype=torch.float32)).numpy()


def searched(estimator, grid: dict):
    """The estimator with its parameters chosen by grouped cross-validation."""
    return GridSearchCV(estimator, grid, cv=GroupKFold(4), scoring="neg_mean_squared_error")


def baselines() -> dict:
    kernel = ConstantKernel(1.0) * RBF(1.0, (0.1, 30)) + WhiteKernel(0.1)
    gammas = {"kernelridge__gamma": np.geomspace(0.003, 3, 7), "kernelridge__alpha": np.geomspace(1e-3, 1, 7)}
    return {
        "ridge": searched(Ridge(), {"alpha": np.geomspace(0.01, 100, 9)}),
        "PCA + kernel ridge": searched(make_pipeline(PCA(0.999), KernelRidge(kernel="rbf")), gammas),
        "Gaussian process": make_pipeline(PCA(0.999), GaussianProcessRegressor(kernel, normalize_y=True)),
        "extra trees": ExtraTreesRegressor(200, min_samples_leaf=2, random_state=0),
        "published network (160, 120)": PublishedNetwork(),
    }


def fitted(method, x: np.ndarray, y: np.ndarray, groups: np.ndarray):
    if isinstance(method, PublishedNetwork):
        return PublishedNetwork().fit(x, y, groups)
    method = clone(method)
    return method.fit(x, y, groups=groups) if isinstance(method, GridSearchCV) else method.fit(x, y)


def estimates(dataset: Dataset, rest: np.ndarray, spectra: np.ndarray) -> dict[str, np.ndarray]:
    """Densities of states (m, 2, 300) of spectra (m, 200) by every baseline, fitted to the rows `rest`."""
    x, y, groups = dataset.spectra[rest], dataset.pdos[rest].reshape(rest.sum(), -1), dataset.groups[rest]
    centre, shape = y.mean(axis=0), (len(spectra), *dataset.pdos.shape[1:])
    estimated = {"mean PDOS": np.broadcast_to(centre.reshape(shape[1:]), shape)}
    estimated["template matching"] = match(x, dataset.pdos[rest], spectra).pdos
    for name, method in baselines().items():
        estimated[name] = (fitted(method, x, y - centre, groups).predict(spectra) + centre).reshape(shape)
    regression = kernel_regression.fit(x, y, np.ones(len(y), int), left_out=[split.TEST])
    estimated[KERNEL] = kernel_regression.predict(regression, spectra, [split.TEST])[0][0]
    return estimated


def errors(dataset: Dataset, external: Dataset, kind: str, seed: int, settings: Settings) -> Run:
    """Errors of all methods on the test part, on what it holds of each kind, and on the external set."""
    fold = split.folds(dataset.groups, kind, seed)
    test, rest = fold == split.TEST, fold != split.TEST
    spectra = np.concatenate([dataset.spectra[test], external.spectra])
    truth = np.concatenate([dataset.pdos[test], external.pdos])
    estimated = estimates(dataset, rest, spectra)
    model = train(dataset, replace(settings, split=kind, seed=seed))
    estimated[OURS], std = predict(model, spectra)
    if dataset.material_class is not None and external.material_class is not None and model.classes:
        estimated[TOLD] = told(model, spectra, np.concatenate([dataset.material_class[test], external.material_class]))
    mse = {name: metrics.mse(pdos, truth).mean(axis=1) for name, pdos in estimated.items()}
    n, beyond = int(test.sum()), len(external)
    ours, others = kinds(dataset), kinds(external)
    parts = {"test part": np.ones(n, bool)} | {f"of it, {name}": rows[test] for name, rows in ours.items()}
    parts = {name: np.append(rows, np.zeros(beyond, bool)) for name, rows in parts.items()}
    outside = {"external set": np.ones(beyond, bool)} | {f"external, {name}": rows for name, rows in others.items()}
    parts |= {name: np.append(np.zeros(n, bool), rows) for name, rows in outside.items()}
    return {
        name: (
            {method: each[rows] for method, each in mse.items()},
            metrics.coverage(estimated[OURS][rows], std[rows], truth[rows]),
        )
        for name, rows in parts.items()
        if rows.any()
    }


def told(model: Model, spectra: np.ndarray, material: np.ndarray) -> np.ndarray:
    """Densities of states (m, 2, 300) by a model that is told the class of each spectrum, if it knows that."""
    estimate = np.empty((len(spectra), 2, PDOS.size))
    for name in np.unique(material):
        known = model.of_material(name) if name in model.materials else model
        estimate[material == name] = predict(known, spectra[material == name])[0]
    return estimate


def kinds(dataset: Dataset) -> dict[str, np.ndarray]:
    """Rows (n,) of the kinds of sites that are looked at alone."""
    unknown = np.full(len(dataset), "")
    material = unknown if dataset.material_class is None else dataset.material_class
    amorphous = np.char.startswith(dataset.ids, AMORPHOUS[0]) | np.char.startswith(dataset.ids, AMORPHOUS[1])
    elemental = np.isin(material, ("", "elemental"))
    return {
        FOUND: elemental & ~dataset.augmented & ~amorphous,
        GLASSY: amorphous,
        COMPOUNDS: ~elemental,
    }


def of_the_paper(dataset: Dataset) -> Dataset:
    """Crystals of silicon as they were found, and amorphous sites."""
    kind = kinds(dataset)
    rows = kind[FOUND] | kind[GLASSY]
    fields = ("ids", "groups", "spectra", "pdos", "material_class", "absolute_onset_eV", "edge")
    known = {name: getattr(dataset, name) for name in fields}
    return replace(dataset, **{name: array[rows] for name, array in known.items() if array is not None})


def asked_for(file: str | None, sigma_eV: float, shipped: Path = resources.DATABASE) -> Dataset:
    """The dataset of a file, or that of a shipped database."""
    if file:
        return read_dataset(file)
    known = database.read_database(shipped)
    return assemble(curves.broaden_sites(known, sigma_eV), known)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--sigma", type=float, default=0.5)
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--dataset")
    options.add_argument("--config", help="settings of the network (TOML)")
    options.add_argument("--split", nargs="*", choices=split.KINDS, default=split.KINDS)
    options.add_argument("--protocol", choices=["ours", "paper"], default="ours")
    chosen = options.parse_args()
    dataset = asked_for(chosen.dataset, chosen.sigma)
    settings = config.load(Settings, chosen.config, {})
    external = asked_for(None, dataset.sigma_eV, resources.EXTERNAL)
    if chosen.protocol == "paper":
        dataset = of_the_paper(dataset)
    print(f"{len(dataset)} sites of {len(set(dataset.groups))} families, sigma {dataset.sigma_eV:g} eV")
    for kind in chosen.split if chosen.protocol == "ours" else ("random",):
        runs: list[Run] = []
        for seed in range(chosen.seeds):
            runs.append(errors(dataset, external, kind, seed, settings))
            print(f"{kind} {seed}: done", file=sys.stderr, flush=True)
        for part in dict.fromkeys(name for run in runs for name in run):
            print(table(f"{kind} split, {part}", [run[part] for run in runs if part in run]), flush=True)


def table(title: str, runs: list[tuple[dict[str, np.ndarray], float]]) -> str:
    """Markdown table of one test set: mean and spread over seeds."""
    lines = [
        f"\n| {title} | MSE, 1e-3 (states/eV)^2 | of matching's | better than matching |",
        "| --- | --- | --- | --- |",
    ]
    errors = [mse for mse, _ in runs]
    matched = np.mean([mse["template matching"].mean() for mse in errors])
    for name in errors[0]:
        each = np.array([mse[name].mean() for mse in errors])
        wins = np.mean([(mse[name] < mse["template matching"]).mean() for mse in errors])
        share = "" if name == "template matching" else f"{100 * wins:.0f} %"
        bold = "**" if name == OURS else ""
        spread = f"{1e3 * each.mean():.2f} ± {1e3 * each.std():.2f}"
        lines.append(f"| {bold}{name}{bold} | {spread} | {each.mean() / matched:.2f} | {share} |")
    cover = 100 * np.array([covered for _, covered in runs])
    return "\n".join([*lines, f"\n90 % bands of sikpdos cover {cover.mean():.1f} ± {cover.std():.1f} % ({title})"])


if __name__ == "__main__":
    main()
