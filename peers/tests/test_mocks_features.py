# SPDX-License-Identifier: Apache-2.0
"""Each reading of the rule by which SET_FEATURES enables rings is named, as a migration starts and is cancelled."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import pytest
from mocks import BLK, judge_back_end

KEEPS = "ring.set-features-with-bit30-keeps-state"
ENABLES = "ring.set-features-without-bit30-enables-all"
TOGGLES = ["log-all-keeps-rings", "log-all-off-keeps-rings"]
READINGS: dict[str, tuple[str, list[str]]] = {
    "": ("disabled at reset, enabled by SET_FEATURES without bit 30", []),
    "set-features-disables": ("every SET_FEATURES disables all rings", [KEEPS]),
    "set-features-disables-on-bit-30": ("a change of bit 30 disables all rings", [KEEPS]),
    "enabled-never": ("SET_FEATURES never touches rings", [ENABLES]),
    "set-features-enables": ("another bit is tested for bit 30", [KEEPS]),
    "set-features-tests-log-all": ("another bit is tested for bit 30", [KEEPS]),
    "disabled-ring-served": ("requests of a disabled ring are used, too", []),
}
PLAYS = list(product(TOGGLES, READINGS))


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, Any]]:
    """All at once: what they do is wait."""
    def play(of: tuple[str, str]) -> dict[str, Any]:
        return judge_back_end(f"features/{of[0]}", BLK, tmp_path_factory.mktemp("play"), *filter(None, of[1:]))

    with ThreadPoolExecutor(len(PLAYS)) as pool:
        return dict(zip(PLAYS, pool.map(play, PLAYS)))


@pytest.mark.parametrize("toggle, quirk", PLAYS)
def test_the_reading_is_named(toggle: str, quirk: str, verdicts: dict[tuple[str, str], dict[str, Any]]) -> None:
    verdict = verdicts[toggle, quirk]
    reading, broken = READINGS[quirk]
    assert verdict["readings"] == [reading], verdict
    assert verdict["clauses"] == broken
    assert verdict["verdict"] == ("fail" if broken else "pass")
