"""Where a class or a function of the caller's own comes from: its file, its source, a digest of it."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

_LOADED = "sor_policy_"


def module_of(place: str) -> ModuleType:
    """Import a file by its path, or a module by its name.

    Raises:
        ImportError: If there is none.
        OSError: If it cannot be read.

    """
    return _from_file(place) if place.endswith(".py") else importlib.import_module(place)


def place_of(kind: type | FunctionType) -> str:
    """Return what `module_of` finds the module of a class or a function by."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    loaded = kind.__module__.startswith(_LOADED) or kind.__module__ == "__main__"
    return file if loaded and file else kind.__module__


def _from_file(place: str) -> ModuleType:
    path = Path(place).resolve()
    content = hashlib.blake2b(path.read_bytes() + bytes(path), digest_size=8)
    name = f"{_LOADED}{path.stem}_{content.hexdigest()}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def digest_of(kind: type | FunctionType) -> str:
    """Return a digest of a class's or a function's file, else of its source, else of its code."""
    digest = hashlib.blake2b(digest_size=8)
    if isinstance(kind, type):
        for each in kind.__mro__:
            if not each.__module__.startswith(("sor.settings.", "builtins")):
                digest.update(_source(each))
    else:
        digest.update(_source(kind))
    return digest.hexdigest()


def _source(kind: type | FunctionType) -> bytes:
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if file is not None and Path(file).suffix == ".py" and Path(file).exists():
        return Path(file).read_bytes()
    try:
        return inspect.getsource(kind).encode()
    except (OSError, TypeError):
        parts = vars(kind) if isinstance(kind, type) else {kind.__name__: kind}
        return repr([(name, _said(part)) for name, part in parts.items()]).encode()


def _said(part: object) -> object:
    if isinstance(part, FunctionType):
        return _code(part.__code__)
    return repr(part) if isinstance(part, bool | int | float | str | tuple) else None


def _code(code: CodeType) -> tuple[object, ...]:
    constants = tuple(_code(each) if isinstance(each, CodeType) else repr(each) for each in code.co_consts)
    return (code.co_code, code.co_names, constants)
