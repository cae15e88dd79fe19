# SPDX-License-Identifier: Apache-2.0
"""Management software finds vu-backend, as every type of device, by what `make install` leaves for it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from built import BIN, ROOT

TYPES = {"9p", "balloon", "block", "caif", "console", "crypto", "gpu", "input", "net", "rng", "rpmsg", "rproc-serial", "scsi",
         "vsock", "fs"}  # VHostUserBackendType
FEATURES = {"block": {"read-only", "blk-file"}}  # VHostUserBackendBlockFeature; other types of ours have none


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    subprocess.run(["make", "-s", f"BUILD={BIN.parent}", f"DESTDIR={root}", "PREFIX=/usr", "install-peers", "install-discovery"],
                   cwd=ROOT, check=True, timeout=60)
    return root


def described(root: Path) -> dict[str, dict[str, Any]]:
    return {f.name: json.loads(f.read_text()) for f in (root / "usr/share/qemu/vhost-user").iterdir()}


def capabilities(*words: object) -> dict[str, Any]:
    run = subprocess.run([str(w) for w in words], capture_output=True, text=True, check=True, timeout=10)
    said: dict[str, Any] = json.loads(run.stdout)
    return said


def check(said: dict[str, Any]) -> None:
    assert said["type"] in TYPES
    assert set(said) <= {"type", "features"}
    assert set(said.get("features", ())) <= FEATURES.get(said["type"], set())


def test_every_type_is_described(root: Path) -> None:
    assert {d["type"] for d in described(root).values()} == {"block", "fs", "net", "rng"}


def test_descriptions_keep_to_the_schema(root: Path) -> None:
    for name, d in described(root).items():
        assert re.fullmatch(r"[0-9]{2}-.*\.json", name)
        assert set(d) <= {"description", "type", "binary", "tags"}
        assert isinstance(d["description"], str) and d["type"] in TYPES and d["binary"].startswith("/")
        assert all(isinstance(tag, str) for tag in d["tags"])


def test_the_program_is_what_its_description_says(root: Path) -> None:
    for d in described(root).values():
        said = capabilities(f"{root}{d['binary']}", "--print-capabilities")
        assert said["type"] == d["type"]
        check(said)


@pytest.mark.parametrize("device", ["blk", "fs", "net", "rng", "generic"])
def test_capabilities_keep_to_the_schema(device: str) -> None:
    check(capabilities(BIN / "vu-backend", f"--device={device}", "--print-capabilities"))


def test_an_option_counts_more_than_the_name(root: Path) -> None:
    assert capabilities(root / "usr/bin/vu-backend-net", "--device=rng", "--print-capabilities")["type"] == "rng"
