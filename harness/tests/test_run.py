# SPDX-License-Identifier: Apache-2.0
"""`vringer run` from end to end with a fake player: verdicts, exit codes, bad players."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from conftest import CLAUSE, Vringer
from vringer.render import essential

FAIL = f'fail {{"clauses": ["{CLAUSE}"], "reason": "not started", "expected": "<- A", ' \
       '"actual": "<- B"}'
ADVICE = 'fail {"clauses": ["plat.event-value-opaque"], "readings": ["interprets it"]}'
CANDIDATE = 'name = "mine"\ndevice = "blk"\ncommand = "true {socket}"\n' \
            'version = "echo true 7.2.1"\n'


def by_name(results: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {r["scenario"].rpartition("/")[2]: r for r in results}


@pytest.mark.parametrize("behaviour, code", [
    ("pass", 0), (FAIL, 1), (ADVICE, 0), ("inconclusive", 1), ("garbage", 4), ("usage oops", 4)])
def test_exit_codes(vringer: Vringer, behaviour: str, code: int) -> None:
    vringer.fake("one", behaviour)
    assert vringer.judge()[0] == code


def test_nothing_ran_is_an_error(vringer: Vringer) -> None:
    vringer.fake("one", "pass")
    assert vringer.judge("-k", "other")[0] == 3
    vringer.fake("one", 'n/a {"reason": "lacks it"}')
    assert vringer.judge()[0] == 3


def test_a_surprise_weighs_more_than_an_error(vringer: Vringer) -> None:
    vringer.fake("one", FAIL)
    vringer.fake("two", "garbage")
    assert vringer.judge()[0] == 1


@pytest.mark.parametrize("strict, code", [((), 0), (("--strict",), 1)])
def test_strict_makes_a_should_count(vringer: Vringer, strict: tuple[str, ...], code: int) -> None:
    vringer.fake("one", ADVICE, "plat.event-value-opaque")
    assert vringer.judge(*strict)[0] == code


@pytest.mark.parametrize("more, verdict, code", [
    ('{"ending": "crashed SIGSEGV"}', "fail", 1), ('{"ending": "hung"}', "fail", 1),
    ('{"waits": "ring 0 waits for back-end"}', "pass", 0),
    ('{"ending": "exited 1"}', "pass", 0)])
def test_a_crash_or_a_hang_is_always_red(vringer: Vringer, more: str, verdict: str,
                                         code: int) -> None:
    vringer.fake("one", f"pass {more}", head="tentative a clarification\n")
    exit_code, _, results = vringer.judge()
    assert (exit_code, results[0]["verdict"]) == (code, verdict)


def test_a_tentative_failure_is_advice(vringer: Vringer) -> None:
    vringer.fake("one", FAIL, head="tentative a clarification\n")
    code, shown, results = vringer.judge()
    assert (code, results[0]["red"]) == (0, False)
    assert "advice" in shown


def test_a_failure_that_breaks_no_clause_is_advice(vringer: Vringer) -> None:
    path = vringer.fake("one", 'fail {"reason": "something is left"}')
    path.write_text(path.read_text(encoding="utf-8").replace(f"checks {CLAUSE}\n", ""),
                    encoding="utf-8")
    code, _, results = vringer.judge()
    assert (code, results[0]["verdict"], results[0]["level"]) == (0, "fail", None)


def test_the_result_file_tells_all(vringer: Vringer) -> None:
    vringer.fake("one", FAIL)
    vringer.judge()
    content = json.loads((vringer.folder / "results.json").read_text(encoding="utf-8"))
    result = content["results"][0]
    assert content["complete"] and content["run"]["spec"] and content["run"]["command"]
    assert set(content["run"]["suite"]) == {"commit", "dirty"}
    assert result["clauses"] == result["violated"] == [CLAUSE]
    assert (result["verdict"], result["expected_verdict"], result["unexpected"]) == \
        ("fail", "pass", True)
    assert (result["level"], result["red"], result["ending"]) == ("must", True, "clean")
    assert result["evidence"]["expected"] == "<- A" and result["evidence"]["actual"] == "<- B"
    with open(result["evidence"]["chart"], encoding="utf-8") as chart:
        assert "GET_FEATURES" in chart.read()


def test_a_failure_is_shown_with_all_that_bears_it_out(vringer: Vringer) -> None:
    vringer.fake("one", FAIL)
    shown = vringer.judge()[1]
    for text in ("-> GET_FEATURES", "expected  <- A", "actual    <- B", CLAUSE, "Ring states",
                 "vhost-user.html#ring-states", "not started", "vringer run --backend"):
        assert text in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("behaviour, code, verdict, expected", [
    ('n/a {"reason": "lacks it"}', 0, "n/a", "n/a"), ("pass", 0, "pass", "pass"),
    (FAIL, 1, "fail", "pass")])
def test_what_a_candidate_may_lack_is_judged_where_it_is_there(
        vringer: Vringer, behaviour: str, code: int, verdict: str, expected: str) -> None:
    vringer.fake("one", behaviour, head="needs PAGEFAULT\n")
    path = vringer.candidate("mine", CANDIDATE + 'may_lack = ["PAGEFAULT"]\n')
    exit_code, _, results = vringer.judge(backend=str(path))
    assert (exit_code, results[0]["verdict"], results[0]["expected_verdict"]) == \
        (code, verdict, expected)


def test_what_is_known_to_go_wrong_may_be_lacked_as_well(vringer: Vringer) -> None:
    vringer.fake("one", 'n/a {"reason": "lacks it"}', head="needs PAGEFAULT\n")
    path = vringer.candidate("mine", CANDIDATE + 'may_lack = ["PAGEFAULT"]\n[[expect]]\n'
                             'scenario = "*"\nverdict = "fail"\nreason = "r"\n')
    code, shown, _ = vringer.judge(backend=str(path))
    assert code == 0 and "n/a          1 lacks PAGEFAULT here" in shown


def test_passes_are_told_in_short(vringer: Vringer) -> None:
    vringer.fake("good", "pass")
    vringer.fake("lost", 'n/a {"reason": "lacks it"}', head="needs STATUS\n")
    path = vringer.candidate("mine", CANDIDATE + 'lacks = ["STATUS"]\n')
    shown = vringer.judge(backend=str(path))[1]
    assert "own/good" not in shown and "passed       own 1" in shown
    assert "n/a          1 lacks STATUS" in shown
    assert "own/good" in vringer.judge("-v", backend=str(path))[1]


def test_many_failures_are_not_all_shown(vringer: Vringer) -> None:
    for number in range(13):
        vringer.fake(f"bad-{number:02}", FAIL)
    shown = vringer.judge()[1]
    assert shown.count("\nFAIL ") == 10 and "and 3 more" in shown
    assert "own/bad-12[true]  unexpected fail" in shown
    assert vringer.judge("-v")[1].count("\nFAIL ") == 13


def test_a_chart_is_shown_without_what_only_makes_sure(vringer: Vringer) -> None:
    chart = ["-> SET_OWNER", "   fence", "-> GET_FEATURES", "<- GET_FEATURES 1", "   kick 0",
             "-> GET_FEATURES", "   require 1 \"why\""]
    kept = list(essential(f"  {n}.250  {text}" for n, text in enumerate(chart)))
    assert [line.split("  ", 2)[2].strip() for line in kept] == \
        ["-> SET_OWNER", "fence", "kick 0", "-> GET_FEATURES"]


def test_hangs_are_shown_first(vringer: Vringer) -> None:
    vringer.fake("aaa", FAIL)
    vringer.fake("zzz", 'fail {"ending": "hung", "waits": "each for the other"}')
    shown = vringer.judge()[1]
    assert shown.index("FAIL own/zzz") < shown.index("FAIL own/aaa")


@pytest.mark.parametrize("workers", [0, 2])
def test_pytests_options_work(vringer: Vringer, workers: int) -> None:
    vringer.fake("good", "pass")
    vringer.fake("bad", FAIL)
    vringer.fake("soft", ADVICE)
    junit = vringer.folder / "junit.xml"
    code, _, results = vringer.judge("--junitxml", str(junit), "-k", "good or bad", workers=workers)
    assert code == 1 and set(by_name(results)) == {"good", "bad"}
    cases = {c.attrib["name"]: c for c in ElementTree.parse(junit).iter("testcase")}
    assert set(cases) == {"own/good[true]", "own/bad[true]"}
    assert cases["own/bad[true]"].find("failure") is not None
    told = {p.attrib["name"]: p.attrib["value"] for p in cases["own/bad[true]"].iter("property")}
    assert told["vringer.violated"] == CLAUSE
    assert set(by_name(vringer.judge("--lf", workers=workers)[2])) == {"bad"}


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_the_first_failure_can_end_the_run(vringer: Vringer, jobs: str) -> None:
    for name in ("a", "b", "c"):
        vringer.fake(name, FAIL)
    code, _, results = vringer.judge("-x", "--jobs", jobs)
    assert (code, len(results)) == (1, 1)


def test_several_are_played_at_a_time_and_told_in_order(vringer: Vringer) -> None:
    fifo = vringer.folder / "meet"
    os.mkfifo(fifo)
    vringer.fake("a", f"reads {fifo}")
    vringer.fake("b", f"writes {fifo}")
    code, shown, results = vringer.judge("-v", "--jobs", "2")
    assert (code, [r["verdict"] for r in results]) == (0, ["pass", "pass"])
    assert shown.index("own/a") < shown.index("own/b")


@pytest.mark.parametrize("behaviour, told", [
    ("garbage", "an event that is none"), ("truncated", "an event that is none"),
    ("list", "an event that is none"), ("unknown", "which there is not"),
    ("wrong-exit", "said pass and exited with 1"), ("killed", "killed by SIGKILL"),
    ("flood", "an event that is none"), ("usage x.vus:3:1: error: no such word", "no such word"),
    ("silent", "no verdict"), ("hang", "was killed")])
def test_a_bad_player_is_an_error_and_the_rest_goes_on(vringer: Vringer, behaviour: str,
                                                       told: str) -> None:
    vringer.fake("bad", behaviour)
    vringer.fake("good", "pass")
    code, _, results = vringer.judge("--watchdog", "1" if behaviour == "hang" else "60")
    found = by_name(results)
    assert (found["bad"]["verdict"], found["good"]["verdict"], code) == ("error", "pass", 4)
    assert told in found["bad"]["evidence"]["reason"]


def test_fields_of_a_wrong_type_do_no_harm(vringer: Vringer) -> None:
    vringer.fake("odd", "wrong-types")
    code, _, results = vringer.judge()
    assert (code, results[0]["verdict"]) == (1, "fail")


def test_a_worker_that_dies_costs_one_scenario(vringer: Vringer) -> None:
    vringer.fake("deadly", "kill-worker")
    vringer.fake("good", "pass")
    code, shown, results = vringer.judge(workers=2)
    found = by_name(results)
    assert (found["deadly"]["verdict"], found["good"]["verdict"], code) == ("error", "pass", 4)
    assert "crashed" in shown


def test_a_scenario_that_cannot_be_read_is_an_error(vringer: Vringer) -> None:
    vringer.fake("bad", "usage bad.vus:1:1: error: unknown", head="error unknown\n")
    code, shown, results = vringer.judge()
    assert (code, results[0]["verdict"]) == (4, "error")
    assert "bad.vus:1:1: error: unknown" in shown


def test_a_subject_that_never_comes_up_is_not_waited_for_again_and_again(vringer: Vringer) -> None:
    for name in "abcde":
        vringer.fake(name, 'inconclusive {"reason": "it did not listen", "played_ns": 0}')
    code, shown, results = vringer.judge("--jobs", "1")
    assert code == 1
    assert [r["evidence"]["reason"].startswith("not tried") for r in results] == \
        [False, False, False, True, True]
    assert shown.count("\nINCONCLUSIVE own/") == 1


def test_a_missing_program_is_one_error_with_its_cure(vringer: Vringer) -> None:
    vringer.fake("one", "pass")
    vringer.fake("two", "pass")
    path = vringer.candidate("gone", CANDIDATE.replace("echo true", "nosuch-prog")
                             + 'package = "nosuch-package"\n')
    out = vringer.folder / "both.json"
    done = vringer.run("run", "--backend", str(path), "--backend", "true {socket}", "--device",
                       "blk", "--json", str(out), "--output", str(vringer.folder / "out"), "own")
    results = json.loads(out.read_text(encoding="utf-8"))["results"]
    assert [(r["subject"], r["scenario"], r["verdict"]) for r in results] == [
        ("mine", "start", "error"), ("true", "own/one", "pass"), ("true", "own/two", "pass")]
    assert "apt-get install nosuch-package" in done.stdout
    assert done.returncode == 4


def test_expectations_are_compared(vringer: Vringer) -> None:
    vringer.fake("known", FAIL)
    vringer.fake("better", "pass")
    vringer.fake("lost", 'n/a {"reason": "lacks it"}')
    entries = "".join(f'[[expect]]\nscenario = "own/{name}"\nverdict = "fail"\nreason = "bug 7"\n'
                      'versions = "..7.2"\n' for name in ("known", "better"))
    path = vringer.candidate("mine", CANDIDATE + entries)
    code, shown, results = vringer.judge(backend=str(path))
    found = by_name(results)
    assert code == 1
    assert not found["known"]["unexpected"] and found["known"]["expected_verdict"] == "fail"
    assert "unexpected pass" in found["better"]["surprise"]
    assert "unexpected n/a" in found["lost"]["surprise"]
    assert "bug 7" in shown


def test_an_expectation_of_another_version_does_not_count(vringer: Vringer) -> None:
    vringer.fake("one", FAIL)
    path = vringer.candidate("mine", CANDIDATE + '[[expect]]\nscenario = "own/*"\n'
                             'verdict = "fail"\nreason = "r"\nversions = "8.0.."\n')
    assert by_name(vringer.judge(backend=str(path))[2])["one"]["unexpected"]


def test_an_expectation_for_no_scenario_is_loud(vringer: Vringer) -> None:
    vringer.fake("one", "pass")
    path = vringer.candidate("mine", CANDIDATE + '[[expect]]\nscenario = "own/renamed"\n'
                             'verdict = "fail"\nreason = "r"\n')
    code, shown, _ = vringer.judge(backend=str(path))
    assert code == 1
    assert "no scenario is called 'own/renamed'" in shown


def test_other_devices_and_editions_are_left_out(vringer: Vringer) -> None:
    vringer.fake("net-only", "pass", head="device net\n")
    vringer.fake("old", "pass", head="spec ..8.1\n", checks="ring.old-enabled-without-bit30")
    vringer.fake("mine", "pass")
    assert set(by_name(vringer.judge()[2])) == {"mine"}
    assert set(by_name(vringer.judge("--spec", "8.1")[2])) == {"old"}


@pytest.mark.parametrize("words, told", [
    (("run", "--backend", "mydev"), "no {socket}"),
    (("run", "--backend", "mydev {socket}"), "needs --device"),
    (("run", "--backend", "true {socket}", "--device", "blok"), "no device type"),
    (("run", "--backend", "true {socket}", "--device", "blk", "nosuch"), "no scenario"),
    (("run", "--spec", "7"), "no edition"), (("run", "--scale", "0"), "--scale 0"),
    (("run", "--jobs", "0"), "--jobs 0"), (("run", "--jobs", "2", "-n", "2"), "one of them"),
    (("run", "--sepc", "7.2"), "--sepc"), (("lst",), "lst"),
    (("explain", "passs"), "did you mean pass"),
    (("run", "--backend", "true {socket}", "--device", "blk", "-k", "((", "own"), "")])
def test_wrong_usage(vringer: Vringer, words: tuple[str, ...], told: str) -> None:
    vringer.fake("one", "pass")
    done = vringer.run(*words)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_no_place_for_evidence_does_not_end_the_run(vringer: Vringer) -> None:
    vringer.fake("one", "pass")
    (vringer.folder / "file").write_text("", encoding="utf-8")
    code, shown, _ = vringer.judge("--output", str(vringer.folder / "file"))
    assert code == 0
    assert "no evidence is kept" in shown


def test_a_full_disk_costs_evidence_and_no_verdict(vringer: Vringer) -> None:
    vringer.fake("one", FAIL)
    folder = vringer.folder / "out" / "true" / "own" / "one"
    folder.mkdir(parents=True)
    for name in ("chart.txt", "events.jsonl"):
        (folder / name).symlink_to("/dev/full")
    code, shown, results = vringer.judge()
    assert (code, results[0]["verdict"]) == (1, "fail")
    assert "evidence is incomplete: No space left on device" in shown


def test_a_result_file_that_cannot_be_written_does_not_end_the_run(vringer: Vringer) -> None:
    vringer.fake("one", "pass")
    code, shown, _ = vringer.judge("--json", "/proc/none/results.json")
    assert code == 0
    assert "is not complete" in shown


def test_settings_of_the_folder_do_not_matter(vringer: Vringer) -> None:
    vringer.fake("one", "pass")
    (vringer.folder / "pytest.ini").write_text("[pytest]\naddopts = --nosuch\n", encoding="utf-8")
    (vringer.folder / "own" / "conftest.py").write_text("raise SystemError", encoding="utf-8")
    assert vringer.judge()[0] == 0
