"""sikpdos: the ground-state s and p density of states of a silicon atom from its Si K-edge."""

__version__ = "0.1.0"
