"""Configuration files: TOML into a frozen dataclass. Flag over file over default; unknown keys refused."""

from __future__ import annotations

import dataclasses
import os
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from sikpdos.common import files
from sikpdos.common.errors import SikpdosError, naming

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_LARGEST = 2**63  # numbers of settings are smaller
T = TypeVar("T", bound="DataclassInstance")


def from_dict(cls: type[T], values: dict[str, Any]) -> T:
    """A dataclass from a dictionary. Raises SikpdosError for unknown keys or values of the wrong type."""
    known = {f.name: f.default for f in dataclasses.fields(cls)}
    unknown = [key for key in values if key not in known]
    if unknown:
        raise SikpdosError(f"unknown setting '{unknown[0]}'; known: {', '.join(known)}")
    return cls(**{key: _converted(key, value, known[key]) for key, value in values.items()})


def _converted(key: str, value: Any, default: Any) -> Any:
    """The value in the type of the default: whole numbers may stand for floats, lists for tuples of their elements."""
    if isinstance(default, tuple) and isinstance(value, (list, tuple)):
        return tuple(_converted(key, element, default[0] if default else "") for element in value)
    if isinstance(default, float) and type(value) is int and abs(value) < _LARGEST:
        return float(value)
    if default is None or default is dataclasses.MISSING or (type(value) is type(default) and _usable(value)):
        return value
    shown = repr(value) if _usable(value) else "too large a number, or NaN"
    raise SikpdosError(f"setting '{key}' holds {shown[:60]}; expected {type(default).__name__}")


def _usable(value: Any) -> bool:
    """Whether a value is no number, or one that is finite and can be computed with."""
    return not isinstance(value, (int, float)) or abs(value) < _LARGEST


def load(cls: type[T], path: str | os.PathLike | None, flags: dict[str, Any]) -> T:
    """Settings from a TOML file (or none), overridden by the flags that are not None."""
    with naming(path) if path is not None else nullcontext():
        values = {} if path is None else read_toml(path)
        return from_dict(cls, {**values, **{key: value for key, value in flags.items() if value is not None}})


def read_toml(path: str | os.PathLike) -> dict[str, Any]:
    """The content of a TOML file. Raises SikpdosError for one that cannot be read."""
    try:
        return tomllib.loads(files.read_bytes(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SikpdosError(f"not TOML: {error}", path) from error
    except (RecursionError, ValueError) as error:  # nested or written too deep, or too long a number
        raise SikpdosError(f"not TOML that can be read: {error}", path) from error
