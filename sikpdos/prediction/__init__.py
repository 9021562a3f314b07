"""From files of spectra to tables of densities of states."""
