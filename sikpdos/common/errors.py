"""The suite's one exception."""


class SikpdosError(Exception):
    """An expected failure, told in one line: what (a file, a site) and why. Commands exit 1 on it."""
