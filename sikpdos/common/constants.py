"""Physical constants (CODATA 2018), the only place they are written."""

BOHR_A = 0.529177210903  # Bohr radius
RYDBERG_EV = 13.605693122994
HARTREE_EV = 2 * RYDBERG_EV
FWHM_PER_SIGMA = 2.354820045030949  # full width at half maximum of a Gaussian of sigma 1
SI_K_EDGE_EV = 1839.0  # silicon 1s binding energy (X-ray data booklet: 1838.9 eV)
