"""The paper's route: inputs for CASTEP and OptaDOS, and raw site files from what they write."""
