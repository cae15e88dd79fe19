# SPDX-License-Identifier: Apache-2.0
"""Where the data and the players are, in the source tree and when installed.

`make install` keeps the tree's own shape below share/vringer, so that one rule
finds scenarios and fixtures in both; only the programs live elsewhere.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from vringer.errors import HarnessError

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "scenarios"
SPEC = ROOT / "fixtures" / "spec"
CANDIDATES = ROOT / "fixtures" / "candidates"


def in_source_tree() -> bool:
    """Whether this is a checkout; an installed vringer has no Makefile beside it."""
    return (ROOT / "Makefile").is_file()


def default_output() -> Path:
    """Where the evidence of a run goes unless --output says otherwise."""
    return ROOT / "build" / "run" if in_source_tree() else Path("vringer-run").resolve()


def guest() -> Path:
    """Where `make guest` puts kernel and initramfs: beside the folder of the programs."""
    return player().resolve().parents[1] / "guest"


def player() -> Path:
    """The vu-frontend to use: what $VRINGER_PLAYER names, or the one beside this command."""
    named = os.environ.get("VRINGER_PLAYER")
    if named:
        return Path(named)
    beside = Path(sys.argv[0]).resolve().with_name("vu-frontend")
    built = ROOT / "build" / "bin" / "vu-frontend"
    for place in (beside, built):
        if os.access(place, os.X_OK):
            return place
    found = shutil.which("vu-frontend")
    if found:
        return Path(found)
    raise HarnessError("vu-frontend, which plays the scenarios, is not built", "run: make")
