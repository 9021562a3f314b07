"""Damaged copies of NPZ files that are whole archives again, with their checksum: the damage is inside."""

from __future__ import annotations

import hashlib
import io
import zipfile

import numpy as np
from attack.mutate import mutation

from sikpdos.common import npz

_VALUES = (np.nan, np.inf, -np.inf, 1e308, 1e38, -1e38, 1e-38, 0.0, -1.0)


def damaged(data: bytes, rng: np.random.Generator, others: list[bytes]) -> bytes:
    """A third are damaged as any file is; of the others, an array or the meta data."""
    kind = rng.random()
    if kind < 0.3:
        return mutation(data, rng, others)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = "meta.npy" if kind < 0.55 and "meta.npy" in members else list(members)[int(rng.integers(len(members)))]
    _damage(members, name, rng, others)
    return sealed(members)


def _damage(members: dict[str, bytes], name: str, rng: np.random.Generator, others: list[bytes]) -> None:
    if rng.random() < 0.1:
        members[name] = mutation(members[name], rng, others)
        return
    array = np.load(io.BytesIO(members[name]))
    if array.dtype.kind == "U":
        flat = array.ravel().tolist()
        at = int(rng.integers(len(flat) or 1))
        if flat:
            flat[at] = mutation(flat[at].encode(), rng, [text.encode() for text in flat[:5]]).decode("latin-1")
            array = np.array(flat, str).reshape(array.shape)
    else:
        array = _numbers(array, rng)
    if array is None:
        del members[name]
        return
    stream = io.BytesIO()
    np.save(stream, array)
    members[name] = stream.getvalue()


def _numbers(array: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    kind = int(rng.integers(9))
    if kind == 0:
        return None
    if kind == 1:
        return array[:-1] if array.ndim else array[None]
    if kind == 2:
        return array.T
    if kind == 3:
        return array.astype(("i4", "c16", "f2", "?", "U5")[int(rng.integers(5))])
    if kind == 4:
        return array * _VALUES[int(rng.integers(len(_VALUES)))]
    if kind == 5:
        return np.full_like(array, 0) if array.dtype.kind in "iu" else np.full_like(array, _VALUES[rng.integers(9)])
    changed = array.astype(float).ravel()
    if len(changed):
        changed[int(rng.integers(len(changed)))] = _VALUES[int(rng.integers(len(_VALUES)))]
    return changed.reshape(array.shape)


def sealed(members: dict[str, bytes]) -> bytes:
    """An archive of members with the checksum that `npz.write` gives."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
        archive.comment = npz._SEAL + bytes(64)
    content = stream.getvalue()[:-64]
    return content + hashlib.sha256(content).hexdigest().encode()
