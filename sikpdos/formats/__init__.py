"""File formats of measured spectra."""
