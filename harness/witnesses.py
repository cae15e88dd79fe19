# SPDX-License-Identifier: Apache-2.0
"""Which scenario was seen to fail with which quirk: a line each, `quirk scenario[device]`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterable, NamedTuple

FILE = Path(__file__).with_suffix(".txt")
HEAD = "# Which scenario fails with which quirk: `make mutation` writes this, and plays it first.\n"


class Witness(NamedTuple):
    """One line."""

    quirk: str
    scenario: str
    device: str


def read(path: Path = FILE) -> list[Witness]:
    """What is known; nothing when there is no file."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [Witness(*found) for found in re.findall(r"^(\S+) (\S+)\[(\S+)\]$", text, re.MULTILINE)]


def write(known: Iterable[Witness], path: Path = FILE) -> None:
    lines = [f"{w.quirk} {w.scenario}[{w.device}]\n" for w in sorted(known)]
    path.write_text(HEAD + "".join(lines), encoding="utf-8")
