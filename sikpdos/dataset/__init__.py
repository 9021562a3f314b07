"""Sites, databases, curves and datasets."""
