"""The C functions of `compiled.c`, as the tests call them."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parent / "compiled.c"


def build(folder: Path) -> ctypes.CDLL:
    """Compile them into a folder and load them."""
    compiler = shutil.which("cc")
    assert compiler is not None, "Rust needs a C compiler to link, so there is one"
    path = folder / "compiled.so"
    subprocess.run([compiler, "-O2", "-ffp-contract=off", "-shared", "-fPIC", "-o", path, SOURCE], check=True)
    return ctypes.CDLL(str(path))


def address(library: ctypes.CDLL, name: str) -> int:
    """Return where a function is."""
    found = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
    assert found is not None
    return found


def capsule(name: bytes, pointer: int) -> Any:
    """Return a capsule of a function; its name must outlive it."""
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return new(pointer, name, None)
