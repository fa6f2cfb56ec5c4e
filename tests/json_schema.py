"""As much of JSON Schema (draft 2020-12) as the shipped schemas use; a word that it does not know is an error."""

from __future__ import annotations

from typing import Any

KNOWN = {
    *("$schema", "$id", "$defs", "$ref", "title", "description", "type", "properties", "required"),
    *("additionalProperties", "items", "minItems", "minLength", "minimum", "maximum", "enum", "const", "anyOf"),
    *("if", "then"),
}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def problems(value: Any, schema: dict[str, Any], root: dict[str, Any] | None = None, at: str = "$") -> list[str]:
    """Return what is wrong with `value`, nothing when it is valid."""
    root = schema if root is None else root
    unknown = set(schema) - KNOWN
    assert not unknown, f"the schema uses {unknown}"
    if "$ref" in schema:
        target = root
        for name in schema["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        return problems(value, target, root, at)
    found = _plain_problems(value, schema, at)
    if "anyOf" in schema and all(problems(value, one, root, at) for one in schema["anyOf"]):
        found.append(f"{at}: fits none of anyOf: {value!r:.80}")
    if "if" in schema and not problems(value, schema["if"], root, at):
        found += problems(value, schema["then"], root, at)
    if isinstance(value, dict):
        found += _object_problems(value, schema, root, at)
    if isinstance(value, list) and "items" in schema:
        found += [p for i, item in enumerate(value) for p in problems(item, schema["items"], root, f"{at}[{i}]")]
    return found


def _plain_problems(value: Any, schema: dict[str, Any], at: str) -> list[str]:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    checks = {
        "type": lambda want: (
            number and (want == "number" or value == int(value))
            if want in ("number", "integer")
            else isinstance(value, TYPES[want])
        ),
        "const": lambda want: value == want and type(value) is type(want),
        "enum": lambda want: value in want,
        "minimum": lambda want: not number or value >= want,
        "maximum": lambda want: not number or value <= want,
        "minItems": lambda want: not isinstance(value, list) or len(value) >= want,
        "minLength": lambda want: not isinstance(value, str) or len(value) >= want,
    }
    return [
        f"{at}: {word} {schema[word]!r}: {value!r:.80}"
        for word in checks
        if word in schema and not checks[word](schema[word])
    ]


def _object_problems(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], at: str) -> list[str]:
    known = schema.get("properties", {})
    found = [f"{at}: lacks {name!r}" for name in schema.get("required", ()) if name not in value]
    rest = schema.get("additionalProperties", True)
    for name, inner in value.items():
        if name in known:
            found += problems(inner, known[name], root, f"{at}.{name}")
        elif rest is False:
            found.append(f"{at}: {name!r} is not foreseen")
        elif isinstance(rest, dict):
            found += problems(inner, rest, root, f"{at}.{name}")
    return found
