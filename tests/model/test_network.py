"""One network in NumPy and in PyTorch, and PyTorch's own convolution."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sikpdos.model import network
from sikpdos.model.network import Architecture


@pytest.fixture(params=[False, True], ids=["spectrum alone", "resolution"])
def architecture(request) -> Architecture:
    return Architecture(channels=(4, 8), hidden=16, resolution_input=request.param)


def drawn_weights(architecture: Architecture, members: int = 3) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = network.weight_shapes(architecture)
    return {name: rng.normal(0, 0.1, (members, *shape)).astype(np.float32) for name, shape in shapes.items()}


def test_numpy_and_torch_are_one_network(architecture):
    rng, weights = np.random.default_rng(1), drawn_weights(architecture)
    spectra, resolution = rng.random((3, 5, 200), np.float32), rng.random((3, 5, network.CONDITIONS), np.float32)
    by_numpy = network.forward(weights, architecture, spectra, resolution, np)
    tensors = {name: torch.tensor(weight) for name, weight in weights.items()}
    by_torch = network.forward(tensors, architecture, torch.tensor(spectra), torch.tensor(resolution), torch)
    assert by_numpy.shape == (3, 5, 2, 300)
    assert np.abs(by_numpy - by_torch.numpy()).max() < 1e-6
    assert (by_numpy >= 0).all()
    assert by_numpy.std(axis=0).min() > 0  # every member has weights of its own


def test_the_convolution_is_pytorchs(architecture):
    """The first layer by torch.nn.functional.conv1d gives what the network's own pieces give."""
    weight = drawn_weights(architecture)["conv0_w"][0]  # (inputs * kernel, channels), one input
    x = np.random.default_rng(1).random((1, 1, 200), np.float32)
    kernels = torch.tensor(weight.T.reshape(architecture.channels[0], 1, architecture.kernel).copy())
    peer = torch.nn.functional.conv1d(torch.tensor(x), kernels, stride=architecture.stride).numpy()[0].T
    windows = network._windows(x[0][None, ..., None], architecture.kernel, architecture.stride)
    ours = windows.reshape(1, -1, architecture.kernel) @ network._points_first(weight[None], architecture.kernel)
    assert np.abs(ours[0] - peer).max() < 1e-5


def test_the_resolution_counts_only_where_it_is_an_input(architecture):
    weights, spectra = drawn_weights(architecture), np.ones((3, 2, 200), np.float32)
    unknown, known = (
        np.broadcast_to(resolution, (3, *resolution.shape))
        for resolution in (network.recording(spectra[0]), network.recording(spectra[0], 1.2))
    )
    same = np.array_equal(
        network.forward(weights, architecture, spectra, unknown, np),
        network.forward(weights, architecture, spectra, known, np),
    )
    assert same != architecture.resolution_input


def test_a_spectrum_counts_by_its_shape_alone():
    spectra = np.random.default_rng(0).random((4, 200)) + 0.1
    assert np.allclose(network.scale(3 * spectra, 0.5, 2.0), network.scale(spectra, 0.5, 2.0))
    assert network.scale(spectra, 0.0, 1.0).mean(axis=1) == pytest.approx(1)
