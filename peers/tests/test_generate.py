# SPDX-License-Identifier: Apache-2.0
"""generate.py says so when the data holds something that it does not understand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "fixtures/spec"


def generate(tmp_path: Path, old: str = "", new: str = "",
             table: str = "protocol.toml") -> tuple[subprocess.CompletedProcess[str], Path]:
    """Run it on the data with the first `old` replaced by `new`."""
    spec, out = tmp_path / "spec", tmp_path / "out"
    spec.mkdir()
    for name in ("protocol.toml", "clauses.toml"):
        text = (SPEC / name).read_text()
        if name == table:
            assert old in text
            text = text.replace(old, new, 1)
        (spec / name).write_text(text)
    run = subprocess.run([sys.executable, ROOT / "peers/wire/generate.py", spec, out], capture_output=True, text=True, timeout=60)
    return run, out


def test_all_rows_are_there(tmp_path: Path) -> None:
    run, out = generate(tmp_path)
    assert run.returncode == 0, run.stderr
    text = (SPEC / "protocol.toml").read_text()
    rows = {"messages": "message", "drafts": "draft"}
    for symbol, table in rows.items():
        count = len(re.findall(rf"^\[\[{table}\]\]", text, re.M))
        assert f"const size_t vu_n{symbol} = {count};" in (out / "protocol.c").read_text()


@pytest.mark.parametrize("old, new, complaint", [
    ('type = "bits 0-7"', 'type = "bits 0..7"', "not understood"),
    ('type = "bit 15 of u32"', 'type = "bit 15 of u16"', "does not fit"),
    ('type = "bit 31 of u32"', 'type = "bit 32 of u32"', "does not fit"),
    ('type = "u8[16]"', 'type = "u8[15]"', "size 16 is not 15 times 1"),
    ('type = "u8[size]"', 'type = "u8[length]"', "counted by an earlier one"),
    ('type = "memory_region"', 'type = "memory_area"', "no payload is called"),
    ('type = "i64"', 'type = "i65"', "no payload is called"),
    ('name = "session_id", type = "i64", offset = 1064', 'name = "session_id", type = "i64", offset = 1065', "past the end"),
    ('request = "vring_addr"', 'request = "vring_adr"', "no payload is called"),
    ('reply = "none|u64|log"', 'reply = "none|u64|log|none"', "more payload forms"),
    ('reply_when = "always"', 'reply_when = "sometimes"', "not understood"),
    ('requires = ["STATUS"]', 'requires = ["STATE"]', "no feature is called"),
    ('name = "LOG_SHMFD"\nmask = "0x2"', 'name = "LOG_SHMFD"\nmask = "0x4"', "is not bit 1"),
    ('name = "RARP"', 'name = "MTU"', "also names"),
    ('id = 2\nname = "SET_FEATURES"', 'id = 1\nname = "SET_FEATURES"', "occurs twice"),
    ('ioctl = "VHOST_GET_FEATURES"', 'syscall = "VHOST_GET_FEATURES"', "unknown key syscall"),
    ("schema = 1", "schema = 2", "unknown schema"),
    ("[limits]", "[limit]", "unknown schema"),
    ('name = "flags", type = "u32", offset = 4', 'name = "flags", type = "u32", offset = 6', "another layout"),
])
def test_what_it_does_not_understand_is_an_error(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    run, out = generate(tmp_path, old, new)
    assert run.returncode != 0
    assert complaint in run.stderr, run.stderr
    assert "Traceback" not in run.stderr
    assert not out.exists()


def test_a_clause_occurs_once(tmp_path: Path) -> None:
    first = re.search(r'^id = "(.*)"$', (SPEC / "clauses.toml").read_text(), re.M)
    assert first
    twice = f'[[clause]]\nid = "{first[1]}"\n\n[[clause]]'
    run, _ = generate(tmp_path, "[[clause]]", twice, table="clauses.toml")
    assert f"{first[1]} occurs twice" in run.stderr
