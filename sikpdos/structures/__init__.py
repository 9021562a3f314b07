"""Crystals: the catalogue, databases, user files, their inequivalent sites and families, and augmentation."""
