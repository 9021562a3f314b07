"""Files of CASTEP and OptaDOS."""
