"""The ground floor: constants, grids, errors, files, settings. Imports nothing else of the suite."""
