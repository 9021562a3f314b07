"""Configuration files: TOML into a frozen dataclass. Flag over file over default; unknown keys refused."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, TypeVar

from sikpdos import store
from sikpdos.errors import SikpdosError

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

T = TypeVar("T")


def from_dict(cls: type[T], values: dict[str, Any]) -> T:
    """A dataclass from a dictionary. Raises SikpdosError for unknown keys or values of the wrong type."""
    known = {f.name: f for f in dataclasses.fields(cls)}
    converted = {}
    for key, value in values.items():
        if key not in known:
            raise SikpdosError(f"unknown setting '{key}'; known: {', '.join(known)}")
        default = known[key].default
        if isinstance(default, tuple) and isinstance(value, (list, tuple)):
            value = tuple(value)
        elif isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        elif default is not None and default is not dataclasses.MISSING and type(value) is not type(default):
            raise SikpdosError(f"setting '{key}' is {value!r}; expected {type(default).__name__}")
        converted[key] = value
    return cls(**converted)


def load(cls: type[T], path: str | os.PathLike | None, flags: dict[str, Any]) -> T:
    """Settings from a TOML file (or none), overridden by the flags that are not None."""
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(store.read_bytes(path).decode())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SikpdosError(f"{store.display_name(path)}: not TOML: {error}") from error
    try:
        return from_dict(cls, {**values, **{key: value for key, value in flags.items() if value is not None}})
    except SikpdosError as error:
        raise SikpdosError(f"{store.display_name(path)}: {error}" if path is not None else str(error)) from error
