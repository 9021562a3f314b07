"""Spectra as arrays: broadening, onset, background, what a measurement does to them."""
