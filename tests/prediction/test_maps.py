"""Spectrum images to maps of the density of states: through the command, against the truth of a simulated interface."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from support import assert_one_line_failure, assert_usage_error
from support import spectrum_image as images

from sikpdos.common import files, resources
from sikpdos.common.grid import PDOS
from sikpdos.dataset import assembly, curves, database
from sikpdos.formats.spectrum_set import NavigationAxis, SpectrumSet
from sikpdos.model import classification, shipped
from sikpdos.model.model_file import write_model
from sikpdos.model.uncertainty import BAND_90
from sikpdos.prediction import maps, maps_file, regions, spectrum_images
from sikpdos.prediction.predict import preprocessing_for
from sikpdos.spectra import simulated_measurement

SHAPE = (8, 16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """image.npz, with one pixel each that is NaN, empty, and full; its fifth row as rows.npz; and what is true."""
    folder = tmp_path_factory.mktemp("maps")
    energy_eV, counts, labels, pdos = images.cube(SHAPE, 3000)
    counts[0, 0, 5], counts[0, 1] = np.nan, 0
    counts[0, 2] = np.minimum(50 * counts[0, 2], counts.max(initial=0, where=np.isfinite(counts)) * 5)
    images.write(folder / "image.npz", energy_eV, counts)
    data = np.load(folder / "image.npz")
    np.savez(folder / "rows.npz", energy_eV=data["energy_eV"], spectra=data["spectra"][4], ids=list("abcdefghijklmnop"))
    np.savez(folder / "truth.npz", labels=labels, pdos=pdos)
    return folder


@pytest.fixture(scope="module")
def done(cli, folder):
    done = cli("predict", "image.npz", "--sigma", "1", "-o", "maps.npz", cwd=folder)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def found(done, folder) -> maps_file.DensityMaps:
    return maps_file.read_maps(folder / "maps.npz")


@pytest.fixture(scope="module")
def model():
    return shipped.load(shipped.MEASURED)


def image(energy_eV, counts, kind="eels") -> SpectrumSet:
    axes = tuple(NavigationAxis(name, size) for name, size in zip("yx", counts.shape[:-1], strict=False))
    return SpectrumSet(None, energy_eV, counts.reshape(-1, counts.shape[-1]), kind, navigation=axes)


def mapped(model, spectra: SpectrumSet, **wishes) -> maps_file.DensityMaps:
    plan = maps.plan(spectra, model, preprocessing_for(model, sigma_eV=images.SIGMA_EV), maps.Wishes(**wishes))
    return maps_file.collected(plan, maps.predict_blocks(plan), "test")


def test_shape_axes_and_provenance_are_kept(found):
    assert found.s.shape == found.p_std.shape == (*SHAPE, 300)
    assert found.navigation == tuple(NavigationAxis(n, k, 0.25, 0.0, "nm") for n, k in zip("yx", SHAPE, strict=True))
    assert np.array_equal(found.energy_eV, PDOS.energy_eV)
    assert found.signal_energy_eV[0] < 1745
    assert found.simulated
    assert found.meta["source"] == "image.npz"
    assert found.meta["preparation"]["background"][0] == "power law"


def test_the_truth_lies_in_the_bands(found, folder):
    truth = np.load(folder / "truth.npz")
    usable = found.mask == 0
    error = np.stack([found.s, found.p], -2)[usable] - truth["pdos"][truth["labels"]][usable]
    std = np.stack([found.s_std, found.p_std], -2)[usable]
    assert (np.abs(error) <= BAND_90 * std).mean() > 0.8
    assert (error**2).mean() < 1.2e-3


def test_unusable_pixels_are_masked_and_counted_in_one_line(done, found):
    vacuum = SHAPE[0] * (SHAPE[1] // 8)
    kinds = {cause: int((found.mask == number).sum()) for number, cause in enumerate(found.causes)}
    assert (kinds["not finite"], kinds["saturated"]) == (1, 1)
    assert kinds["empty"] + kinds["without an edge"] == vacuum + 1
    assert kinds["usable"] == found.mask.size - vacuum - 3
    [line] = [line for line in done.stderr.splitlines() if "masked" in line]
    assert f"{vacuum + 3} of {found.mask.size} pixels masked: " in line
    assert np.isnan(found.s[found.mask > 0]).all()
    assert np.isfinite(found.s[found.mask == 0]).all()


def test_each_pixel_is_what_its_spectrum_alone_gives(cli, folder, found):
    cli("predict", "rows.npz", "--sigma", "1", "-o", "rows-out.npz", cwd=folder)
    rows = np.load(folder / "rows-out.npz")
    usable = found.mask[4] == 0
    np.testing.assert_allclose(rows["pdos"][: usable.sum(), 0], found.s[4][usable], atol=2e-4)


def test_hyperspys_own_reader_opens_the_maps(cli, folder, found):
    reader = pytest.importorskip("rsciio.hspy").file_reader
    done = cli("predict", "image.npz", "--sigma", "1", "-o", "maps.hspy", cwd=folder)
    assert done.returncode == 0, done.stderr
    signals = {
        signal["metadata"]["General"]["title"].split(" of ")[0]: signal for signal in reader(folder / "maps.hspy")
    }
    for name, values in {"s PDOS": found.s, "p standard deviation": found.p_std}.items():
        signal = signals[name]
        np.testing.assert_array_equal(signal["data"], values)
        _, x, energy = signal["axes"]
        assert (x["name"], x["units"], x["scale"], x["navigate"]) == ("x", "nm", 0.25, True)
        assert (energy["units"], energy["offset"], energy["navigate"]) == ("eV", -15.0, False)
        assert energy["scale"] == pytest.approx(0.1)
    np.testing.assert_array_equal(signals["novelty"]["data"], found.novelty)


def test_a_line_scan(cli, folder):
    data = np.load(folder / "image.npz")
    images.write(folder / "line.npz", data["energy_eV"], data["spectra"][3])
    done = cli("predict", "line.npz", "-o", "line-maps.npz", cwd=folder)
    assert done.returncode == 0, done.stderr
    line = maps_file.read_maps(folder / "line-maps.npz")
    assert (line.shape, line.navigation[0].name) == ((SHAPE[1],), "x")


def test_binning_adds_counts(folder):
    data = np.load(folder / "image.npz")
    spectra = spectrum_images.binned(image(data["energy_eV"], data["spectra"][:7]), (2, 3))
    assert spectra.shape == (3, 5)
    assert (spectra.navigation[1].scale, spectra.navigation[1].offset) == (3.0, 1.0)
    summed = np.concatenate(list(spectra.rows(4))).reshape(3, 5, -1)
    np.testing.assert_allclose(summed[1, 2], data["spectra"][2:4, 6:9].sum(axis=(0, 1)))
    np.testing.assert_allclose(summed[2, 4], data["spectra"][4:6, 12:15].sum(axis=(0, 1)))


def test_regions_are_summed(cli, folder):
    data, labels = np.load(folder / "image.npz"), np.load(folder / "truth.npz")["labels"]
    np.save(folder / "labels.npy", labels)
    np.savetxt(folder / "labels.csv", labels, "%d", delimiter=",")
    outputs = {
        name: cli("predict", "image.npz", "--average", name, "--sigma", "1", "--json", cwd=folder)
        for name in ("labels.npy", "labels.csv", "truth.npz")
    }
    lines = [json.loads(line) for line in outputs["labels.npy"].stdout.splitlines()]
    assert [line["spectrum"] for line in lines] == ["1", "2", "3"]
    assert len({done.stdout for done in outputs.values()}) == 1
    summed = regions.averaged(image(data["energy_eV"], data["spectra"]), labels, "labels")
    np.testing.assert_allclose(summed.intensity[1], data["spectra"][labels == 2].sum(axis=0))


def test_a_pixel_with_fewer_counts_has_wider_bands_that_hold(model):
    """Within one image, whose upper lines had a hundredth of the counts."""
    energy_eV, bright, labels, pdos = images.cube((8, 24), 3000)
    faint = images.cube((8, 24), 30)[1]
    cube = np.concatenate([faint, bright])
    labels = np.concatenate([labels, labels])
    for pca in (None, "auto"):
        found = mapped(model, image(energy_eV, cube), pca=pca)
        usable = (found.mask == 0) & (labels > 0)
        assert usable.sum() > 0.9 * (labels > 0).sum()
        inside = np.abs(found.s - pdos[labels][..., 0, :]) <= BAND_90 * found.s_std
        dark = usable & (np.arange(16)[:, None] < 8)
        assert inside[dark].mean() > 0.85
        assert inside[usable & ~dark].mean() > 0.85
        growth = (found.s_std[dark] ** 2).mean() / (found.s_std[usable & ~dark] ** 2).mean()
        assert growth > (1.5 if pca is None else 1.05)


@pytest.mark.parametrize(("counts", "dots"), [(300, 0), (1000, 3)])
def test_principal_components_take_noise_out_and_do_not_wash_an_interface(model, counts, dots):
    """An interface one pixel wide, or a few single pixels of it: as near to what its noise-free spectrum gives."""
    module, true = images.example(), images.example().truth()
    labels = module.scene(24, 24)
    if dots:
        labels[labels == module.INTERFACE] = module.DISORDERED
        labels.flat[[50, 200, 300][:dots]] = module.INTERFACE
    energy_eV, cube = module.record(true, labels, images.SIGMA_EV, counts, seed=1)
    plain, smooth = (mapped(model, image(energy_eV, cube), pca=pca) for pca in (None, "auto"))
    conditions = simulated_measurement.ideal(3, images.SIGMA_EV, counts)
    _, mean = simulated_measurement.expected(true.edge_energy_eV, true.edge[1:], conditions, np.random.default_rng(1))
    sharp = mapped(model, image(energy_eV, mean[None])).p[0]

    def departure(found, label):
        rows = (labels == label) & (found.mask == 0)
        return float(((found.p[rows] - sharp[label - 1]) ** 2).mean())

    for label in (module.DIAMOND, module.DISORDERED):
        assert departure(smooth, label) < 0.3 * departure(plain, label)
    noisy = departure(plain, module.INTERFACE)  # of three dots it is near 0 by luck at times
    assert departure(smooth, module.INTERFACE) < (max(1.5 * noisy, 3e-4) if dots else 0.5 * noisy)
    assert 2 <= smooth.meta["pca"]["components"] <= 6


def test_a_pixel_unlike_all_components_is_taken_as_measured(model):
    energy_eV, cube, _, _ = images.cube((24, 24), 3000)
    [peak] = np.flatnonzero(np.isclose(energy_eV, 1846, atol=0.13))[:1]
    cube[10, 5, peak - 4 : peak + 5] += 1500
    found = mapped(model, image(energy_eV, cube), pca=1)
    assert found.own_counts[10, 5]


def test_a_drifting_onset_is_followed_or_held(model):
    energy_eV, cube, labels, _ = images.cube((4, 16), 3000)
    moved = np.stack([np.roll(row, 4 * k, axis=-1) for k, row in enumerate(cube)])  # 1 eV a line
    followed, held = (mapped(model, image(energy_eV, moved), common_onset=common) for common in (False, True))
    diamond = labels[0] == images.example().DIAMOND
    drift = [np.nanmedian(line[diamond]) for line in followed.onset_eV]
    np.testing.assert_allclose(np.diff(drift), 1.0, atol=0.15)
    assert np.unique(held.onset_eV[held.mask == 0]).size == 1


@pytest.fixture(scope="module")
def kinds_model(model):
    """The shipped model's expert of silicon, told that edges with much intensity beyond 10 eV are oxides."""
    dataset = assembly.assemble(curves.broaden_sites(database.read_database(resources.EXTERNAL), 1.0))
    late = dataset.spectra[:, 110:].mean(axis=1) / dataset.spectra.mean(axis=1)
    labels = np.where(late > np.median(late), "oxide", "elemental")
    fold = np.arange(len(labels)) % 4 + 1
    fitted = classification.fit(dataset.spectra, labels, np.zeros(len(labels)), fold)
    return replace(model, experts=model.experts[:1], classifier=fitted.classifier)


def test_kinds_of_silicon_are_mapped(cli, folder, kinds_model, tmp_path):
    write_model(tmp_path / "kinds.npz", kinds_model)
    options = ("--model", tmp_path / "kinds.npz", "--sigma", "1")
    done = cli("predict", folder / "image.npz", *options, "-o", tmp_path / "maps.npz")
    assert done.returncode == 0, done.stderr
    found = maps_file.read_maps(tmp_path / "maps.npz")
    usable = found.mask == 0
    assert set(found.class_probabilities) == {"elemental", "oxide"}
    assert np.allclose(sum(found.class_probabilities.values())[usable], 1, atol=1e-5)
    assert (found.kind[~usable] == "").all()
    for name in ("elemental", "oxide"):
        assert np.array_equal(found.kind[usable] == name, found.class_probabilities[name][usable] > 0.5)
        if (found.kind == name).any():
            assert f"{name} {np.count_nonzero(found.kind == name)}" in done.stderr
    y, x = np.argwhere(usable)[-1]
    alone = cli("predict", folder / "image.npz", *options, "--average", one_pixel(tmp_path, y, x), "--json")
    of_pixel = json.loads(alone.stdout)["class_probabilities"]
    assert of_pixel["oxide"] == pytest.approx(found.class_probabilities["oxide"][y, x], abs=1e-3)
    drawn = cli("plot", tmp_path / "maps.npz", "-o", tmp_path / "maps.svg")
    assert drawn.returncode == 0, drawn.stderr
    assert "kind of silicon" in (tmp_path / "maps.svg").read_text()


def test_maps_of_models_of_one_class_have_no_kinds(model, folder):
    energy_eV, counts, *_ = images.cube((2, 3), 3000)
    found = mapped(replace(model, experts=model.experts[:1], classifier=None), image(energy_eV, counts))
    assert found.class_probabilities == {}
    assert (found.kind == "").all()


def test_material_that_is_told_counts_in_every_pixel(cli, folder, model, tmp_path):
    options = ("--sigma", "1", "--material", "elemental")
    done = cli("predict", folder / "image.npz", *options, "-o", tmp_path / "maps.npz")
    assert done.returncode == 0, done.stderr
    assert "taken as elemental, as told" in done.stderr
    found = maps_file.read_maps(tmp_path / "maps.npz")
    assert found.meta["material"] == "elemental"
    energy_eV, counts, *_ = images.cube(SHAPE, 3000)
    told = mapped(model.of_material("elemental"), image(energy_eV, counts))
    assert np.allclose(found.p[found.mask == 0], told.p[found.mask == 0], atol=1e-4)
    assert not np.allclose(
        told.p[found.mask == 0], mapped(model, image(energy_eV, counts)).p[found.mask == 0], atol=1e-3
    )


def one_pixel(folder, y, x):
    labels = np.zeros(SHAPE, int)
    labels[y, x] = 1
    np.save(folder / "one.npy", labels)
    return folder / "one.npy"


def test_no_usable_pixel_is_a_failure_and_leaves_no_file(cli, folder):
    energy_eV = np.load(folder / "image.npz")["energy_eV"]
    noise = np.random.default_rng(0).poisson(100, (3, 4, energy_eV.size))
    images.write(folder / "noise.npz", energy_eV, noise)
    done = cli("predict", "noise.npz", "-o", "none.npz", cwd=folder)
    assert done.returncode == 1
    assert "no pixel can be used: 12 of 12 pixels masked" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "none.npz").exists()


def test_what_is_said_of_single_pixels(cli, folder):
    """Spikes, each told once and the first three only; --strict fails for them, and writes all the same."""
    data = np.load(folder / "image.npz")
    spiky = data["spectra"][4:].copy()
    for pixel, channel in enumerate((40, 60, 80, 100)):
        spiky[1, pixel, channel] *= 3
    images.write(folder / "spiky.npz", data["energy_eV"], spiky)
    done = cli("predict", "spiky.npz", "--sigma", "1", "--strict", "-o", "spiky-maps.npz", cwd=folder)
    assert done.stderr.count("outside the window; --despike") == 3
    assert "1 more of this kind" in done.stderr
    assert (done.returncode, (folder / "spiky-maps.npz").exists()) == (1, True)
    assert_usage_error(cli("predict", "spiky.npz", "-o", "x.npz", "--plot", "x.png", cwd=folder), "--plot")


@pytest.mark.parametrize("name", ["MAPS.NPZ", "maps.npz.gz", "maps.HSPY", "maps.hspy.gz"])
def test_names_in_capitals_and_packed(cli, folder, tmp_path, name):
    data = np.load(folder / "image.npz")
    images.write(tmp_path / "small.npz", data["energy_eV"], data["spectra"][5:6, 3:5])
    assert cli("predict", "small.npz", "-o", name, cwd=tmp_path).returncode == 0
    content = files.read_bytes(tmp_path / name)
    if "hspy" in name.lower():
        assert content.startswith(b"\x89HDF")
    else:
        assert maps_file.read_maps(tmp_path / name).shape == (1, 2)


def test_wrong_usage(cli, folder):
    assert_usage_error(cli("predict", "image.npz", "--bin", "2,0", "-o", "x.npz", cwd=folder), "--bin")
    assert_usage_error(cli("predict", "image.npz", "--pca", "many", "-o", "x.npz", cwd=folder), "--pca")
    assert_usage_error(cli("predict", "image.npz", "--pca", "2", cwd=folder), "NAME.hspy")
    assert_usage_error(cli("predict", "image.npz", "--bin", "2", "--average", "x.npy", cwd=folder), "--average")
    assert_usage_error(cli("predict", "image.npz", "--average", "x.npy", "-o", "x.hspy", cwd=folder), "--average")
    assert_one_line_failure(cli("predict", "image.npz", "--bin", "2", "-o", "x.npz", cwd=folder), "image.npz", "2 axes")
    assert_one_line_failure(cli("predict", "rows.npz", "--bin", "2,2", "-o", "x.npz", cwd=folder), "no spectrum image")
    assert_one_line_failure(cli("predict", "image.npz", "--average", "rows.npz", cwd=folder), "rows.npz", "labels")


@pytest.mark.parametrize("counts", [30, 3000])
def test_clipped_channels_are_recognised_pixel_by_pixel(counts):
    energy_eV, cube, _, _ = images.cube((12, 16), counts)
    ceiling = np.rint(np.percentile(cube.max(axis=-1), 60))
    clipped = np.minimum(cube, ceiling)
    clipped[0, 0, 7] = 20 * ceiling  # a cosmic ray
    full = ((clipped == ceiling).sum(axis=-1) >= 2).ravel()
    full[0] = False
    assert 10 < full.sum() < 150
    if counts == 3000:  # of a detector that spreads light over three channels
        spread = np.rint(0.25 * cube[..., :-2] + 0.5 * cube[..., 1:-1] + 0.25 * cube[..., 2:])
        full_scale = np.rint(np.percentile(spread.max(axis=-1), 40))
        cut = np.minimum(spread, full_scale)
        found = spectrum_images.totals(image(energy_eV[1:-1], cut), slice(None)).saturated
        np.testing.assert_array_equal(found, ((cut == full_scale).sum(axis=-1) >= 2).ravel())
    for scale in (1.0, 0.37):
        np.testing.assert_array_equal(
            spectrum_images.totals(image(energy_eV, scale * clipped), slice(None)).saturated, full
        )
    one = cube.copy()
    one[3, 3] = np.minimum((1.5 if counts == 3000 else 2.5) * one[3, 3], cube.max() + 1)  # noise of 30 counts is larger
    np.testing.assert_array_equal(
        spectrum_images.totals(image(energy_eV, one), slice(None)).saturated, np.arange(192) == 3 * 16 + 3
    )


def test_flat_tops_of_noise_free_or_faint_spectra_are_not_taken_for_a_full_detector():
    energy_eV, faint, _, _ = images.cube((12, 16), 1)
    curve = 1000 * np.exp(-0.5 * ((energy_eV - 1845) / 8) ** 2).clip(0, 0.9) + 100
    brighter = curve * np.linspace(1, 1.5, 16)[:, None]
    rounded = [np.rint(brighter / 50), brighter.astype(np.float32), (7 * brighter).astype(np.float16)]
    for spectra in (np.tile(curve, (3, 4, 1)), brighter[None], *(one[None] for one in rounded), faint):
        assert not spectrum_images.totals(image(energy_eV, spectra), slice(None)).saturated.any()
    full_scale = np.minimum(np.rint(5 * brighter), 4095)[None]
    assert spectrum_images.totals(image(energy_eV, full_scale), slice(None)).saturated.all()


def test_sums_with_a_full_pixel_are_full_or_leave_it_out(folder, model):
    data = np.load(folder / "image.npz")
    spectra = image(data["energy_eV"], data["spectra"][:4])
    found = mapped(model, spectra, bin=(2, 2))
    assert found.causes[found.mask[0, 1]] == "saturated"  # of (0, 2)
    assert found.causes[found.mask[0, 0]] == "not finite"
    assert found.mask[1, 1] == 0
    labels = np.zeros(spectra.shape, int)
    labels[0, :6] = 1
    summed = regions.averaged(spectra, labels, "labels")
    np.testing.assert_allclose(summed.intensity[0], data["spectra"][0, [1, 3, 4, 5]].sum(axis=0))
    assert "2 pixels" in summed.warnings[-1]
