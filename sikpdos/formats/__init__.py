"""File formats: measured spectra, and what the DFT programs write."""
