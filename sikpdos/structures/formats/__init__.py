"""Formats of structure files: text in, a crystal out. `sikpdos.structures.reading` tells them apart."""
