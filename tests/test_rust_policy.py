"""The example of a policy in Rust, built as its reader would and handed to Python."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sor
from ledgers import serialized
from test_own_policies_everywhere import ORDERS, QUOTES, Patient

ROOT = Path(__file__).parent.parent
CRATE = ROOT / "rust" / "examples" / "patient"


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Any:
    target = ROOT / "target" / "examples"
    command = ["cargo", "build", "--quiet", "--release", "--locked", "--manifest-path", CRATE / "Cargo.toml"]
    subprocess.run(
        command,
        check=True,
        env={**os.environ, "CARGO_TARGET_DIR": str(target), "PYO3_PYTHON": sys.executable},
    )
    built = next((target / "release").glob("*patient.*[oylb]"))
    path = tmp_path_factory.mktemp("patient") / "patient.abi3.so"
    shutil.copy(built, path)
    spec = importlib.util.spec_from_file_location("patient", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_example_in_rust_is_the_policy_in_python(patient: Any) -> None:
    found = sor.study(
        QUOTES,
        ORDERS,
        {
            "rust": sor.Compiled(patient.plan(0.01, 20.0)),
            "python": Patient(most=0.01, last=20),
            "sweep": "sweep",
        },
        run=sor.Run(threads=2, progress=False),
    )
    assert serialized(found["rust"].fills) == serialized(found["python"].fills)
    assert not found["rust"].fills.equals(found["sweep"].fills)
