"""A process that works through tapes gives their memory back, whichever thread asked for it."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# A thread frees something large, then asks for as much in pieces and frees them: what is left of its heap is printed.
SCRIPT = """
import ctypes, sys, threading
from sor.universe.steady import hold_steady

library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
library.malloc.argtypes, library.free.argtypes = [ctypes.c_size_t], [ctypes.c_void_p]

class Figures(ctypes.Structure):
    _fields_ = [(f"field{i}", ctypes.c_size_t) for i in range(10)]

library.mallinfo2.restype = Figures
if sys.argv[1] == "steady":
    assert hold_steady()

def work():
    library.free(library.malloc(24 << 20))
    pieces = [library.malloc(3 << 20) for _ in range(7)]
    for piece in pieces:
        library.free(piece)

before = library.mallinfo2().field0
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(library.mallinfo2().field0 - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such thresholds")
def test_a_threads_heap_keeps_no_more_than_the_threshold() -> None:
    kept = {
        way: int(subprocess.run([sys.executable, "-c", SCRIPT, way], check=True, capture_output=True).stdout)
        for way in ("steady", "as it is")
    }
    assert kept["steady"] < 2 << 20
    assert kept["as it is"] > 16 << 20
