# SPDX-License-Identifier: Apache-2.0
"""Candidates: their files, what --backend means, and what is said when one is missing."""

import re
import tomllib
from pathlib import Path

import pytest

from vringer import candidates, places
from vringer.candidates import Candidate
from vringer.errors import UsageError

GOOD = 'name = "x"\ndevice = "blk"\ncommand = "sh -c true {socket}"\n'


def write(folder: Path, text: str, name: str = "x") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read(tmp_path: Path) -> None:
    more = 'queues = 2\nlacks = ["STATUS"]\nmay_lack = ["PAGEFAULT"]\n[hooks]\ngrow = "true"\n' \
           '[[expect]]\nscenario = "a/*"\nverdict = "pass"\n'
    candidate = candidates.load(write(tmp_path, GOOD + more))
    assert (candidate.queues, candidate.hooks) == (2, (("grow", "true"),))
    assert candidate.expect[0].scenario == "a/*"
    assert (candidate.lacks, candidate.may_lack) == (("STATUS",), ("PAGEFAULT",))
    assert not candidate.connects


@pytest.mark.parametrize("text, told", [
    ("name = ", "Invalid value"), (GOOD + "quues = 2", "did you mean 'queues'"),
    (GOOD + 'queues = "2"', "wrong type"), (GOOD + "lacks = [1]", "no list of names"),
    (GOOD + "may_lack = [1]", "no list of names"), (GOOD + "dialects = [1]", "no list of names"),
    (GOOD + 'lacks = ["STATUS", "MTU"]\nmay_lack = ["MTU"]', "both name MTU"),
    (GOOD + 'socket = "both"', "listen"),
    ('name = "x"\ndevice = "blk"\n', "'command' is missing"),
    (GOOD.replace("{socket}", ""), "no {socket}"),
])
def test_mistakes_in_a_file_are_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        candidates.load(write(tmp_path, text))
    assert "x.toml" in str(caught.value)


def test_backend_is_a_name_a_file_or_a_command(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    assert candidates.resolve("x", folder=tmp_path).path == path
    assert candidates.resolve(str(path)).path == path
    own = candidates.resolve("./dir/mydev --socket-path {socket}", "blk")
    assert own.name == "mydev"
    assert own.command == f"{Path.cwd()}/dir/mydev --socket-path {{socket}}"
    assert not own.has_file
    with pytest.raises(UsageError, match="did you mean 'x'"):
        candidates.resolve("xx", folder=tmp_path)
    with pytest.raises(UsageError, match="needs --device"):
        candidates.resolve("mydev {socket}")
    with pytest.raises(UsageError, match="cannot be read"):
        candidates.resolve("mydev '{socket}", "blk")


def test_a_candidate_is_told_what_to_speak(tmp_path: Path) -> None:
    candidate = candidates.load(write(tmp_path, GOOD + 'dialects = ["suspend-resume"]\n'))
    assert candidate.command_in("suspend-resume") == f"{candidate.command} --dialect=suspend-resume"
    assert candidate.command_in("") == candidate.command_in("device-state-v4") == candidate.command
    assert candidate.speaks("suspend-resume") and candidate.speaks("")
    assert not candidate.speaks("device-state-v4")
    own = candidates.resolve("mydev {socket}", "blk")  # nobody said what it speaks: it is tried
    assert own.speaks("device-state-v4") and own.command_in("device-state-v4") == own.command


def test_every_candidate_of_ours_can_be_read() -> None:
    for name, path in candidates.files().items():
        assert candidates.load(path).name == name


def test_every_failure_that_is_expected_was_confirmed() -> None:
    """The references fail by the rules of older editions, and nothing is claimed of them."""
    for path in candidates.files().values():
        candidate = candidates.load(path)
        unconfirmed = [e.scenario for e in candidate.expect if e.verdict == "fail" and not e.confirmed]
        assert candidate.reference or not unconfirmed, path


def test_what_our_candidates_lack_are_features() -> None:
    tables = tomllib.loads((places.SPEC / "protocol.toml").read_text(encoding="utf-8"))
    names = {f["name"] for kind in ("virtio_feature", "protocol_feature") for f in tables[kind]}
    brief = {re.sub(r"^(VHOST_F_|VHOST_USER_F_|VHOST_USER_PROTOCOL_F_|VIRTIO_F_|VIRTIO_RING_F_)",
                    "", name) for name in names}
    for path in candidates.files().values():
        candidate = candidates.load(path)
        assert {*candidate.lacks, *candidate.may_lack} <= {*brief, "queues"}, path


def test_a_missing_program_is_named_with_its_package() -> None:
    gone = Candidate("x", "sh -c 'exec nosuch-program {socket}'", "blk",
                     version="nosuch-program --version | head -n 1", package="nosuch-package")
    trouble = candidates.missing(gone)
    assert trouble and "nosuch-program" in trouble.cause
    assert trouble.cure == "install it: apt-get install nosuch-package"
    assert candidates.missing(Candidate("x", "LANG=C sh {socket}", "blk")) is None


def test_the_version_is_the_first_number() -> None:
    def version(command: str) -> str:
        return candidates.version(Candidate("x", "x {socket}", "blk", version=command))

    assert version("echo dev version 7.2.22 '(Debian 1:7.2+dfsg)'") == "7.2.22"
    assert version("echo none") == ""
    assert version("exit 3") == ""
    assert version("") == ""
