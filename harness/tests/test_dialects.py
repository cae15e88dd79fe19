# SPDX-License-Identifier: Apache-2.0
"""Scenarios in a dialect: played against who is said to speak it, n/a elsewhere, and never red."""

from __future__ import annotations

import pytest
from conftest import BUILD, Vringer, needs_player

pytestmark = needs_player

BACKEND = f"{BUILD}/bin/vu-backend --device=blk --with=objects --socket-path={{socket}}"
FILE = f'name = "mine"\ndevice = "blk"\ncommand = "{BACKEND}"\n'
HEAD = "needs SUSPEND\ndraft suspend-resume\n"
BODY = "use started\nfence $probe\n-> SUSPEND need-reply\n<- SUSPEND 0\n-> RESUME need-reply\n<- RESUME 0\nfence $probe\n"
CLAUSE = "draft.resume.rings-continue"


@pytest.fixture(name="judged")
def with_a_scenario(real: Vringer) -> Vringer:
    real.scenario("resumes", BODY, CLAUSE, HEAD)
    return real


def test_who_is_said_to_speak_it_is_told_to(judged: Vringer) -> None:
    mine = judged.candidate("mine", FILE + 'dialects = ["suspend-resume"]\n')
    code, shown, results = judged.judge(backend=str(mine))
    assert (code, results[0]["verdict"]) == (0, "pass"), shown


@pytest.mark.parametrize("more", ["", 'dialects = ["device-state-v4"]\n'], ids=["none", "another"])
def test_for_others_it_is_not_applicable(judged: Vringer, more: str) -> None:
    code, shown, results = judged.judge(backend=str(judged.candidate("mine", FILE + more)))
    assert (code, results[0]["verdict"], results[0]["unexpected"]) == (0, "n/a", False), shown
    assert "lacks the dialect suspend-resume" in shown


def test_a_command_is_tried_and_its_numbers_are_recognised(judged: Vringer) -> None:
    _, _, results = judged.judge(backend=BACKEND)
    assert results[0]["verdict"] == "n/a"
    assert "41 is SUSPEND in the draft suspend-resume, GET_SHARED_OBJECT since 8.2" in results[0]["evidence"]["reason"]


def test_a_failure_in_a_dialect_makes_no_run_red(judged: Vringer) -> None:
    quirk = FILE.replace("--with", "--quirk=resume-stops-rings --with")
    mine = judged.candidate("mine", quirk + 'dialects = ["suspend-resume"]\ndeadline_scale = 0.2\n')
    code, shown, results = judged.judge(backend=str(mine))
    assert (code, results[0]["verdict"]) == (0, "fail"), shown
