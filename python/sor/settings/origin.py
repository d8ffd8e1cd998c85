"""Where a class or a function of the caller's own comes from: its file, its source, a digest of it."""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import inspect
import sys
import sysconfig
import uuid
from functools import cache, lru_cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from sor.errors import ParameterError, shown

_LOADED = "sor_policy_"


def module_of(place: str) -> ModuleType:
    """Import a file by its path, or a module by its name. A file finds the modules beside it, as a script does.

    Raises:
        ImportError: If there is none.
        OSError: If it cannot be read.

    """
    return _from_file(place) if place.endswith(".py") else importlib.import_module(place)


def loaded(spec: str, label: str) -> object:
    """Return what `file.py:name` or `package.module:name` names.

    Raises:
        ParameterError: If there is no such file, module or name; `label` says what was asked for.

    """
    place, _, name = spec.rpartition(":")
    try:
        module = module_of(place)
    except (ImportError, ValueError, OSError) as error:
        raise ParameterError(f"{label}: cannot import {shown(place)}: {error}") from error
    if not hasattr(module, name):
        raise ParameterError(f"{label}: {shown(place)} has no {shown(name)}")
    return getattr(module, name)


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
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def digest_of(kind: type | FunctionType) -> str:
    """Return a digest of what a class or a function is made of.

    That is its file and the files of the caller's own that this imports; without a file its source, else its code; and
    the values around it that its methods use. Where one of these is no plain value, no digest is given twice.
    """
    digest = hashlib.blake2b(digest_size=8)
    if isinstance(kind, type):
        for each in kind.__mro__:
            if not each.__module__.startswith(("sor.settings.", "builtins")):
                digest.update(_source(each))
                digest.update(_around(each))
    else:
        digest.update(_source(kind))
    return digest.hexdigest()


def _source(kind: type | FunctionType) -> bytes:
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if file is not None and Path(file).suffix == ".py" and Path(file).exists():
        read: dict[Path, bytes] = {}
        _read(Path(file), getattr(sys.modules[kind.__module__], "__package__", None), read)
        return b"".join(read.values())
    try:
        return inspect.getsource(kind).encode()
    except (OSError, TypeError):
        parts = vars(kind) if isinstance(kind, type) else {kind.__name__: kind}
        return repr([(name, _said(part)) for name, part in parts.items()]).encode()


def _read(path: Path, package: str | None, read: dict[Path, bytes]) -> None:
    """Read a file and, in the order of the imports, those of the caller's own that it imports."""
    read[path] = path.read_bytes()
    for name in _imported(read[path]):
        found = _own(name, package)
        if found is not None and found[0] not in read:
            _read(*found, read)


@lru_cache(maxsize=256)  # parsing is slow, and models of one's own are made again and again
def _imported(source: bytes) -> tuple[str, ...]:
    """Return what a source imports, each name once: `.name` is beside it, and of a package a name may be a module."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # it has been imported, and may have changed since
        return ()
    names: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= dict.fromkeys(each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            dot = "" if start.endswith(".") else "."
            names |= dict.fromkeys([start, *(f"{start}{dot}{each.name}" for each in node.names)])
    return tuple(names)


@cache
def _installed() -> frozenset[Path]:
    return frozenset(Path(sysconfig.get_path(place)).resolve() for place in ("purelib", "platlib"))


def _own(name: str, package: str | None) -> tuple[Path, str | None] | None:
    """Return the file and the package of a module, if it is the caller's own; nothing is imported for it."""
    try:
        full = importlib.util.resolve_name(name, package)
    except (ImportError, ValueError):
        return None
    top = full.partition(".")[0]
    if top == "sor" or top in sys.stdlib_module_names:
        return None
    module = sys.modules.get(full)
    spec = getattr(module, "__spec__", None)
    if module is None and "." not in full:
        try:
            spec = importlib.util.find_spec(full)
        except (ImportError, ValueError, AttributeError):
            return None
    origin = getattr(spec, "origin", None) or getattr(module, "__file__", None)
    if origin is None or not origin.endswith(".py") or not Path(origin).exists():
        return None
    path = Path(origin).resolve()
    if not _installed().isdisjoint(path.parents):
        return None
    return path, getattr(spec, "parent", None)


def _around(kind: type) -> bytes:
    """Return the values that methods use of the functions around their class."""
    found = []
    for name, part in vars(kind).items():
        method = getattr(part, "__func__", part)
        if not isinstance(method, FunctionType) or not method.__closure__:
            continue
        for variable, cell in zip(method.__code__.co_freevars, method.__closure__, strict=True):
            if variable == "__class__":
                continue
            try:
                value = cell.cell_contents
            except ValueError:  # it has none yet
                value = cell
            plain = isinstance(value, bool | int | float | str | None)
            found.append((name, variable, repr(value) if plain else uuid.uuid4().hex))
    return repr(found).encode() if found else b""


def _said(part: object) -> object:
    if isinstance(part, FunctionType):
        return _code(part.__code__)
    return repr(part) if isinstance(part, bool | int | float | str | tuple) else None


def _code(code: CodeType) -> tuple[object, ...]:
    constants = tuple(_code(each) if isinstance(each, CodeType) else repr(each) for each in code.co_consts)
    return (code.co_code, code.co_names, constants)
