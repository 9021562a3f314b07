"""Plane waves: the FFT grid with the density's sphere, and batches of wave functions over k-points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from sikpdos.engine.grid import densest_grid


@dataclass(frozen=True)
class Backend:
    """Where and how precisely to compute.

    "single" keeps wave functions in complex64, "double" in complex128. Densities, potentials and sums over
    bands are in double precision always. The FFT grid is given in largest wave vectors: 4 is exact; 3 folds
    the highest products back, which silicon does not feel (README), oxides do.
    """

    device: str = "cpu"
    precision: str = "single"
    box_factor: float = 3.0

    @property
    def complex(self) -> torch.dtype:
        return torch.complex64 if self.precision == "single" else torch.complex128

    @property
    def real(self) -> torch.dtype:
        return torch.float32 if self.precision == "single" else torch.float64

    def tensor(self, array: np.ndarray, dtype: torch.dtype | None = None) -> torch.Tensor:
        return torch.as_tensor(np.ascontiguousarray(array), device=self.device).to(dtype)


class DensityBasis:
    """The FFT grid of a cell and the sphere of Fourier coefficients that densities and potentials keep.

    The sphere does not depend on the choice of cell vectors.
    """

    def __init__(self, lattice: np.ndarray, cutoff_Ry: float, backend: Backend):
        self.lattice, self.cutoff_Ry, self.backend = lattice, cutoff_Ry, backend
        self.reciprocal = 2 * np.pi * np.linalg.inv(lattice).T
        self.volume = abs(float(np.linalg.det(lattice)))
        radius = density_radius(cutoff_Ry, backend)
        self.grid = densest_grid(self.reciprocal, radius)
        m = vectors_within(lattice, radius * (1 + 1e-9))
        positions = self.grid.index(m)
        order = np.argsort(positions)
        self.m = m[order]  # (n_G, 3) integer
        self.origin = int(np.flatnonzero((self.m == 0).all(1))[0])
        self.padding_index = self.grid.unused_index(self.reciprocal, positions)  # where no wave has a coefficient
        self.index = backend.tensor(positions[order])  # (n_G,) positions in the flattened FFT grid
        self.g = backend.tensor(self.m @ self.reciprocal)  # (n_G, 3) 1/bohr
        self.g2 = (self.g**2).sum(1)

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.grid.shape

    @property
    def size(self) -> int:
        return self.grid.size

    def fft_index(self, m: np.ndarray) -> np.ndarray:
        """Positions of integer wave vectors (..., 3) in the flattened FFT grid."""
        return self.grid.index(m)

    def sphere_index(self, m: np.ndarray) -> np.ndarray:
        """Numbers of integer wave vectors (..., 3) within the sphere; n_G for those outside."""
        table = np.full(self.size, len(self.m))
        table[self.index.cpu().numpy()] = np.arange(len(self.m))
        number = table[self.grid.index(m)]
        same = (np.append(self.m, np.zeros((1, 3), int), 0)[number] == m).all(-1)
        return np.where(same, number, len(self.m))

    def to_real(self, coefficients: torch.Tensor) -> torch.Tensor:
        """Real functions on the FFT grid (..., *shape) from their coefficients (..., n_G)."""
        box = torch.zeros(*coefficients.shape[:-1], self.size, dtype=torch.complex128, device=coefficients.device)
        box[..., self.index] = coefficients.to(torch.complex128)
        return torch.fft.ifftn(box.unflatten(-1, self.shape), dim=(-3, -2, -1), norm="forward").real

    def to_fourier(self, values: torch.Tensor) -> torch.Tensor:
        """Coefficients (..., n_G) of functions on the FFT grid (..., *shape)."""
        box = torch.fft.fftn(values.to(torch.complex128), dim=(-3, -2, -1), norm="forward")
        return box.flatten(-3)[..., self.index]


class WaveBasis:
    """Plane waves |k+G|^2 <= cutoff of several k-points, padded to one count.

    `matrix` is the supercell matrix: waves whose k+G differ by a reciprocal vector of the *primitive* cell
    belong to one folded k-point, and only they are coupled by a crystal of primitive cells (Bloch's theorem). Wave
    functions are (n_k, n_vectors, n_folded, n_waves), zero on padding.
    """

    def __init__(self, density: DensityBasis, k: np.ndarray, matrix: np.ndarray):
        self.density, self.k = density, k
        spheres = [self._sphere(density, point, matrix) for point in k]
        n_waves = max(len(block) for sphere in spheres for block in sphere)
        shape = (len(k), len(spheres[0]), n_waves)
        self.m = np.zeros((*shape, 3), int)
        self.filled = np.zeros(shape, bool)
        for i, sphere in enumerate(spheres):
            for j, block in enumerate(sphere):
                self.m[i, j, : len(block)] = block
                self.filled[i, j, : len(block)] = True
        self.q = (self.m + k[:, None, None]) @ density.reciprocal  # (n_k, n_folded, n_waves, 3) 1/bohr
        tensor = density.backend.tensor
        positions = np.where(self.filled, density.fft_index(self.m), density.padding_index)
        self.index = tensor(positions.reshape(len(k), -1))  # (n_k, n_folded * n_waves)
        self.mask = tensor(self.filled, density.backend.real)[:, None]  # (n_k, 1, n_folded, n_waves)
        self.kinetic = tensor((self.q**2).sum(-1) * self.filled, density.backend.real)[:, None]

    @staticmethod
    def _sphere(density: DensityBasis, k: np.ndarray, matrix: np.ndarray) -> list[np.ndarray]:
        """Integer wave vectors of one k-point, class by class."""
        m = vectors_within(density.lattice, density.cutoff_Ry**0.5, k)
        size = round(abs(np.linalg.det(matrix)))
        remainder = np.round(m @ np.linalg.inv(matrix).T * size).astype(int) % size
        label = (remainder[:, 0] * size + remainder[:, 1]) * size + remainder[:, 2]
        order = np.argsort(label, kind="stable")
        return np.split(m[order], np.flatnonzero(np.diff(label[order])) + 1)

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.m.shape[:3]

    def phases(self, position: np.ndarray) -> np.ndarray:
        """exp(-i (k+G) r) at a fractional position: (n_k, n_folded, n_waves)."""
        return np.exp(-2j * np.pi * ((self.m + self.k[:, None, None]) @ position)) * self.filled

    def from_other_point(self, other: WaveBasis, x: torch.Tensor) -> torch.Tensor:
        """Wave functions with the periodic part of x (1, n_vectors, 1, n_waves), which belongs to another k-point."""
        slot = np.full(self.density.size, other.shape[2])
        slot[self.density.fft_index(other.m[0, 0])[other.filled[0, 0]]] = np.flatnonzero(other.filled[0, 0])
        index = np.where(self.filled, slot[self.density.fft_index(self.m)], other.shape[2])  # (n_k, 1, n_waves)
        padded = torch.cat([x[0, :, 0], x.new_zeros(x.shape[1], 1)], 1)
        moved = padded[:, torch.as_tensor(index[:, 0], device=x.device)]  # (n_vectors, n_k, n_waves)
        return moved.transpose(0, 1)[:, :, None]

    def to_fft_grid(self, x: torch.Tensor) -> torch.Tensor:
        """Wave functions (n_k, n_vectors, n_folded, n_waves) on the FFT box (n_k, n_vectors, *shape)."""
        n_k, n_vectors = x.shape[:2]
        box = torch.zeros(n_k, n_vectors, self.density.size, dtype=x.dtype, device=x.device)
        box.scatter_(2, self.index[:, None].expand(-1, n_vectors, -1), x.flatten(2))
        return torch.fft.ifftn(box.unflatten(2, self.density.shape), dim=(2, 3, 4), norm="forward")

    def from_fft_grid(self, values: torch.Tensor) -> torch.Tensor:
        """The reverse of `to_fft_grid`; what lies outside the sphere is cut off."""
        box = torch.fft.fftn(values, dim=(2, 3, 4), norm="forward").flatten(2)
        x = box.gather(2, self.index[:, None].expand(-1, box.shape[1], -1))
        return x.unflatten(2, self.shape[1:]) * self.mask


def density_radius(cutoff_Ry: float, backend: Backend) -> float:
    """Radius (1/bohr) of the sphere of densities and potentials."""
    return backend.box_factor / 2 * cutoff_Ry**0.5


def vectors_within(lattice: np.ndarray, radius: float, k: np.ndarray | float = 0.0) -> np.ndarray:
    """Integer wave vectors m (n, 3) of a cell with |k + m| <= radius (1/bohr); k is fractional."""
    reach = np.ceil(radius * np.linalg.norm(lattice, axis=1) / (2 * np.pi)) + 1
    centres = -np.round(k) * np.ones(3)  # the sphere lies around -k, wherever that is
    axes = [np.arange(c - n, c + n + 1).astype(int) for c, n in zip(centres, reach, strict=True)]
    m = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    reciprocal = 2 * np.pi * np.linalg.inv(lattice).T
    return m[(((m + k) @ reciprocal) ** 2).sum(1) <= radius**2]


def spherical_harmonics(l: int, q: np.ndarray) -> np.ndarray:
    """Real spherical harmonics of the directions of q (..., 3): (2l + 1, ...), l up to 3; 0 at q = 0 but for l = 0."""
    norm = np.linalg.norm(q, axis=-1, keepdims=True)
    x, y, z = np.moveaxis(np.divide(q, norm, out=np.zeros_like(q), where=norm > 1e-9), -1, 0)
    r2 = x**2 + y**2 + z**2  # 1, or 0 at the origin
    polynomials = (
        [np.ones_like(x)],
        [x, y, z],
        [x * y, y * z, z * x, (x**2 - y**2) / 2, (3 * z**2 - r2) / (2 * np.sqrt(3))],
        [
            (5 * z**2 - 3 * r2) * z / np.sqrt(60),
            (5 * z**2 - r2) * x / np.sqrt(40),
            (5 * z**2 - r2) * y / np.sqrt(40),
            (x**2 - y**2) * z / 2,
            x * y * z,
            (x**2 - 3 * y**2) * x / np.sqrt(24),
            (3 * x**2 - y**2) * y / np.sqrt(24),
        ],
    )
    norms = (1, 3, 15, 105)
    return np.sqrt(norms[l] / (4 * np.pi)) * np.stack(polynomials[l])
