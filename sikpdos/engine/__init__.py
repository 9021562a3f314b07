"""Plane-wave, norm-conserving, PBE density-functional theory of the Si K-edge and the ground-state s, p PDOS.

Rydberg atomic units inside (Ry, bohr); eV and Angstrom at the public functions. Fourier coefficients of a
function f are defined by f(r) = sum_G f_G exp(i G r). Wave functions are tensors (n_k, n_vectors, n_folded,
n_waves), see basis.WaveBasis.
"""
