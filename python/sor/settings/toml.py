"""Plain values as TOML (the standard library only reads it)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def to_toml(table: Mapping[str, Any]) -> str:
    """Write nested mappings of plain values; None is left out.

    Args:
        table: Strings, numbers, booleans, sequences of them, mappings (tables), and sequences of mappings.

    """
    return "\n\n".join(part for part in _parts(table, ()) if part) + "\n"


def _parts(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    plain = {name: value for name, value in table.items() if value is not None and not _is_table(value)}
    lines = [f"{_key(name)} = {_value(value)}" for name, value in plain.items()]
    parts = ["\n".join(([f"[{'.'.join(map(_key, path))}]"] if path and lines else []) + lines)]
    for name, value in table.items():
        inner = (*path, name)
        if isinstance(value, Mapping):
            parts += _parts(value, inner) or []
            if not value:
                parts.append(f"[{'.'.join(map(_key, inner))}]")
        elif _is_table(value):
            for entry in value:
                first, *rest = _parts(entry, inner)
                heading = f"[[{'.'.join(map(_key, inner))}]]"
                parts += [heading + "\n" + first.partition("\n")[2], *rest]
    return parts


def _is_table(value: object) -> bool:
    if isinstance(value, Mapping):
        return True
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        return False
    return all(isinstance(each, Mapping) for each in value)


def _key(name: str) -> str:
    bare = name.replace("_", "").replace("-", "")
    return name if bare.isascii() and bare.isalnum() else json.dumps(name)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            # A JSON string is a TOML string, but for a character that TOML forbids and JSON escapes otherwise.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case int() | float():
            return repr(value)
        case Sequence():
            return f"[{', '.join(map(_value, value))}]"
        case _:
            raise TypeError(f"{value!r} has no TOML")
