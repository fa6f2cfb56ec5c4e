"""Models on disk: weights as safetensors, everything else as JSON, nothing pickled.

``model.json`` names the objective's and the backbone's class, both of labelwright, and their settings; only classes of
this package are looked up. A network that was a module of the user's own is named, and must be passed again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from labelwright import __version__
from labelwright.atomic import staged_directory
from labelwright.errors import BadInput, quoted
from labelwright.learn.one_row import one_row
from labelwright.nn import FeatureQueue, LossHistory, Module, RowMemory, Task
from labelwright.nn.loop import Loop
from labelwright.nn.training import Training

SCHEMA_VERSION = 1
WEIGHTS, FACTS = "model.safetensors", "model.json"
TARGETS = ("target_location_", "target_scale_", "noise_scale_")  # what a regressor knows of its targets
_FIX = "save the model again, or restore the folder from a copy"


def save_model(model: Any, folder: Path) -> Path:
    """Write a fitted estimator into `folder` in one step and return it."""
    from safetensors.torch import save_file

    weights = {name: value.detach().cpu().contiguous().clone() for name, value in _kept(model.objective_).items()}
    task = model.loop_.task
    facts = {
        "schema_version": SCHEMA_VERSION,
        "labelwright": __version__,
        "estimator": type(model).__name__,
        "objective": _described(model.objective_, _settings(model.objective_)),
        "net": _net(model, task),
        "input_shape": list(task.input_shape),
        "outputs": task.n_classes,
        "evidence": type(task.evidence).__name__,
        "location": np.asarray(model.location_).tolist(),
        "scale": np.asarray(model.scale_).tolist(),
        "n_features_in": int(model.n_features_in_),
        "feature_names_in": np.asarray(getattr(model, "feature_names_in_", [])).tolist(),
        **({"classes": _classes(model.classes_)} if hasattr(model, "classes_") else {}),
        "multilabel": bool(getattr(model, "multilabel_", False)),
        **({"targets": {name: float(getattr(model, name)) for name in TARGETS}} if hasattr(model, TARGETS[0]) else {}),
    }
    with staged_directory(folder) as aside:
        save_file(weights, str(aside / WEIGHTS))
        facts["sha256"] = hashlib.sha256((aside / WEIGHTS).read_bytes()).hexdigest()
        (aside / FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")
    return folder


def load_model(kind: type[Any], folder: Path, net: Any) -> Any:
    """Return an estimator of class `kind` that `save_model` wrote.

    Raises
    ------
    BadInput
        When a file is missing, cut short or changed, or a network of the user's own is not passed.
    """
    from safetensors.torch import load_file

    facts = _facts(folder, kind.__name__)
    content = (folder / WEIGHTS).read_bytes()
    if hashlib.sha256(content).hexdigest() != facts["sha256"]:
        raise BadInput(f"{quoted(WEIGHTS)} does not belong to {quoted(FACTS)}: its checksum does not match", fix=_FIX)
    backbone = _backbone(facts["net"], net)
    objective = _built(facts["objective"], nn.Module)
    x = np.zeros((1, *facts["input_shape"]), dtype=np.float32)
    one = one_row(facts["evidence"], facts["outputs"])
    task = Task(x, one, net=backbone, n_outputs=facts["outputs"])
    model = kind(objective, net=net)
    model.loop_ = Loop(objective, task, Training(device="cpu"))
    model.objective_ = model.loop_.objective
    _fill(model.objective_, load_file(str(folder / WEIGHTS)))
    model.location_, model.scale_ = np.asarray(facts["location"]), np.asarray(facts["scale"])
    model.n_features_in_ = facts["n_features_in"]
    if facts["feature_names_in"]:
        model.feature_names_in_ = np.asarray(facts["feature_names_in"], dtype=object)
    if "classes" in facts:
        model.classes_ = np.asarray(facts["classes"]["values"], dtype=facts["classes"]["dtype"])
        model.multilabel_ = bool(facts["multilabel"])
    for name in TARGETS if "targets" in facts else ():
        setattr(model, name, facts["targets"][name])
    model.objective_.eval()
    return model


def _facts(folder: Path, kind: str) -> dict[str, Any]:
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        wanted = facts["schema_version"], facts["estimator"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{quoted(folder.name)} holds no readable model ({type(error).__name__})",
            fix="pass a folder that save() wrote",
        ) from None
    if wanted != (SCHEMA_VERSION, kind):
        raise BadInput(f"{quoted(folder.name)} holds a {wanted[1]} of version {wanted[0]}", fix=f"load a {kind}")
    if not (folder / WEIGHTS).is_file():
        raise BadInput(f"{quoted(folder.name)} lacks {quoted(WEIGHTS)}", fix=_FIX)
    return dict(facts)


def _kept(objective: nn.Module) -> dict[str, Tensor]:
    """Return the weights that prediction needs: everything but what was remembered of training rows."""
    memories = (RowMemory, LossHistory, FeatureQueue)
    left_out = [f"{name}." for name, module in objective.named_modules() if isinstance(module, memories)]
    state = objective.state_dict()
    return {name: value for name, value in state.items() if not name.startswith(tuple(left_out))}


def _fill(objective: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Put saved weights into an objective that was set up on one row; learnt noise keeps its saved shape."""
    own = dict(objective.state_dict())
    for name, value in weights.items():
        if name in own and own[name].shape == value.shape:
            own[name].copy_(value)
        elif name.startswith(("net.", "nets.", "copies.")):
            raise BadInput(f"the network does not fit the saved weights at {quoted(name)}", fix="pass the same net=")


def _settings(objective: nn.Module) -> dict[str, Any]:
    """Return the constructor arguments that an objective keeps under their own names: plain values and arrays."""
    import inspect

    plain = (bool, int, float, str, type(None))
    names = inspect.signature(type(objective).__init__).parameters
    kept = {n: getattr(objective, n, ...) for n in names}
    arrays = {n: v.detach().cpu().double().tolist() for n, v in kept.items() if isinstance(v, Tensor)}
    return {n: v for n, v in kept.items() if isinstance(v, plain)} | arrays


def _described(thing: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    kind = type(thing)
    return {"module": kind.__module__, "class": kind.__qualname__, "settings": dict(settings)}


def _net(model: Any, task: Task) -> dict[str, Any]:
    backbone = task.net
    own = isinstance(backbone, Module) or not type(backbone).__module__.startswith("labelwright.")
    if own or not is_dataclass(backbone):
        return {"module": None, "class": repr(backbone), "settings": {}}
    found = {f.name: getattr(backbone, f.name) for f in fields(backbone)}
    found = {name: value for name, value in found.items() if value is not nn.ReLU}  # the default activation
    if any(not _plain(value) for value in found.values()):
        return {"module": None, "class": repr(backbone), "settings": {}}
    return _described(backbone, found)


def _plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_plain(item) for item in value)
    return value is None or isinstance(value, bool | int | float | str)


def _backbone(facts: Mapping[str, Any], net: Any) -> Any:
    if net is not None:
        return Module(net) if isinstance(net, nn.Module) else net
    if facts["module"] is None:
        raise BadInput(f"the model holds a network of your own ({quoted(facts['class'])})", fix="pass it again as net=")
    return _built(facts, object)


def _built(facts: Mapping[str, Any], kind: type) -> Any:
    """Return an object of one of our classes made from its settings."""
    module, name = str(facts["module"]), str(facts["class"])
    if not module.startswith("labelwright."):
        raise BadInput(f"the model names the class {quoted(name)} of {quoted(module)}", fix="only our own are loaded")
    try:
        found = getattr(import_module(module), name)
        made = found(**{k: tuple(v) if isinstance(v, list) else v for k, v in facts["settings"].items()})
    except (ImportError, AttributeError, TypeError) as error:
        raise BadInput(f"the model's class {quoted(name)} cannot be made ({type(error).__name__})", fix=_FIX) from None
    if not isinstance(made, kind):
        raise BadInput(f"the model's class {quoted(name)} is of another kind", fix=_FIX)
    return made


def _classes(classes: Any) -> dict[str, Any]:
    array = np.asarray(classes)
    return {"values": array.tolist(), "dtype": "object" if array.dtype.kind == "O" else array.dtype.str}
