# SPDX-License-Identifier: Apache-2.0
"""Where the tests of the programs find them, and what they play."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(os.environ.get("VRINGER_BUILD", ROOT / "build")) / "bin"
BACKEND = BIN / "vu-backend"
FRONTEND = BIN / "vu-frontend"
SCENARIOS = ROOT / "scenarios"
