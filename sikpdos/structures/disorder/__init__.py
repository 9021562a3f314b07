"""Silicon without perfect order: amorphous cells, defects, surfaces."""
