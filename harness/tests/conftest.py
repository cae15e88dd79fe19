# SPDX-License-Identifier: Apache-2.0
"""What the tests share: scenarios made on the spot, and the command run as a person runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import pytest

HERE = Path(__file__).resolve().parent
FAKE = HERE / "fake_player.py"
BUILD = Path(os.environ.get("VRINGER_BUILD", HERE.parents[1] / "build"))
PLAYER = BUILD / "bin" / "vu-frontend"
CLAUSE = "ring.start-on-set-vring-kick"
MAIN = "import sys; sys.path.insert(0, sys.argv.pop(1)); from vringer.cli import main; " \
       "sys.exit(main())"

needs_player = pytest.mark.skipif(not PLAYER.exists(), reason=f"{PLAYER} is not built")


@dataclass
class Vringer:
    """A folder with scenarios, and the command with everything kept inside it."""

    folder: Path
    player: Path
    tmp: Path

    def scenario(self, name: str, body: str, checks: str = CLAUSE, head: str = "") -> Path:
        path = self.folder / "own" / f"{name}.vus"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"title {name} holds\nsubject back-end\nchecks {checks}\n{head}\n{body}\n",
                        encoding="utf-8")
        return path

    def fake(self, name: str, behaviour: str, checks: str = CLAUSE, head: str = "") -> Path:
        return self.scenario(name, f"# fake: {behaviour}", checks, head)

    def candidate(self, name: str, text: str) -> Path:
        path = self.folder / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    @property
    def environment(self) -> dict[str, str]:
        mine = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
        return {**mine, "VRINGER_PLAYER": str(self.player), "TMPDIR": str(self.tmp)}

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-I", "-c", MAIN, str(HERE.parent), *words]

    def run(self, *words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*words), env=self.environment, cwd=self.folder,
                              capture_output=True, text=True, timeout=timeout, check=False)

    def judge(self, *words: str, backend: str = "true {socket}", workers: int = 0) -> \
            tuple[int, str, list[dict[str, Any]]]:
        """Run what is in the folder: exit code, what was shown, and the results."""
        out = self.folder / "results.json"
        device = [] if backend.endswith(".toml") else ["--device", "blk"]
        many = ["-n", str(workers)] if workers else []
        done = self.run("run", "--backend", backend, *device, *many, "--output",
                        str(self.folder / "out"), "--json", str(out), *words, "own")
        results = json.loads(out.read_text(encoding="utf-8"))["results"] if out.exists() else []
        return done.returncode, done.stdout + done.stderr, results


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    """A directory with a name so short that sockets find room below it."""
    with tempfile.TemporaryDirectory(prefix="vt-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def vringer(tmp_path: Path, short_tmp: Path) -> Vringer:
    """The command with a fake player."""
    return Vringer(tmp_path, FAKE, short_tmp)


@pytest.fixture
def real(tmp_path: Path, short_tmp: Path) -> Vringer:
    """The command with vu-frontend."""
    return Vringer(tmp_path, PLAYER, short_tmp)
