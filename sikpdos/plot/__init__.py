"""Figures: a quick look at any file of the suite, and the paper's Figures 1 to 6. Functions import Matplotlib."""
