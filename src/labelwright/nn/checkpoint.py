"""Checkpoints: everything a run needs to go on to the same weights, in one safetensors file, nothing pickled.

Nested states are flattened: tensors go into the file under numbered names, everything else into JSON in its header,
where a tensor stands as ``{"tensor": name}``. The header also holds the SHA-256 of the tensors, so that a file that
was cut short or changed is refused by name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from labelwright.atomic import write_aside
from labelwright.errors import BadInput, quoted

FORMAT = "labelwright checkpoint 1"


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write a nested state of mappings, lists, tensors and plain values to `path` in one step."""
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}
    tree = _flatten(state, tensors)
    header = {"format": FORMAT, "state": json.dumps(tree), "sha256": _digest(tensors)}
    with write_aside(path) as aside:
        save_file(tensors, str(aside), metadata=header)


def load_state(path: Path) -> dict[str, Any]:
    """Return the state that `save_state` wrote, on the CPU.

    Raises
    ------
    BadInput
        When the file is no checkpoint of ours, was cut short, or its content has changed.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt", device="cpu") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
    except (SafetensorError, OSError) as error:
        raise BadInput(
            f"the checkpoint {quoted(path.name)} cannot be read ({type(error).__name__})", fix=_FIX
        ) from None
    if header.get("format") != FORMAT:
        raise BadInput(f"{quoted(path.name)} is no checkpoint of labelwright", fix=_FIX)
    if header.get("sha256") != _digest(tensors):
        raise BadInput(f"the checkpoint {quoted(path.name)} is corrupted: its checksum does not match", fix=_FIX)
    return _restore(json.loads(header["state"]), tensors)


_FIX = "delete it to start again, or restore it from a copy"


def _flatten(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, Mapping):
        return {"map": [[_key(k), _flatten(v, tensors)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        return {"list": [_flatten(v, tensors) for v in value]}
    if value is None or isinstance(value, bool | int | float | str):
        return {"value": value}
    raise TypeError(f"a checkpoint cannot hold a {type(value).__name__}")


def _key(key: Any) -> Any:
    if not isinstance(key, str | int):
        raise TypeError(f"a checkpoint cannot hold the key {key!r}")
    return key


def _restore(tree: Any, tensors: Mapping[str, Tensor]) -> Any:
    if "tensor" in tree:
        return tensors[tree["tensor"]]
    if "map" in tree:
        return {key: _restore(value, tensors) for key, value in tree["map"]}
    if "list" in tree:
        return [_restore(value, tensors) for value in tree["list"]]
    return tree["value"]


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors, key=int):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data if tensor.numel() else b"")
    return digest.hexdigest()
