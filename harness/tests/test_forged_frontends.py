# SPDX-License-Identifier: Apache-2.0
"""Scenarios for front-ends that know more than the reference: one that does it right, and ones that do not.

Each front-end is a script of vu-frontend, up to the point under test; what it does there is a row of the table.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import PLAYER, Vringer, needs_player

from vringer import places

pytestmark = needs_player

NEEDS = "DEVICE_STATE PAGEFAULT BACKEND_REQ BACKEND_SEND_FD SHARED_OBJECT SHMEM_MAP GPA_ADDRESSES"
HEAD = "title A front-end of its own\nsubject back-end\nneeds {}\n\n"
MEMORY = "region low size=16M guest=0 user=0\nregion high size=1M guest=1G user=1G unlisted\n"
AGREED = "use negotiated\n-> SET_BACKEND_REQ_FD\n"
TOLD = "-> SET_MEM_TABLE\n-> ADD_MEM_REG $high\n"
WORKS = MEMORY + AGREED + TOLD + "use start-rings\n"

ADD, REMOVE, LOOKUP = (f"SHARED_OBJECT_{word}" for word in ("ADD", "REMOVE", "LOOKUP"))
NAME = "hex:aa726967656e40008072000000000006"


def says(*answers: str) -> str:
    """It works, and answers each request on the channel so."""
    return WORKS + "".join(f"<= {text.split()[0]}\n=> {text}\n" for text in answers)


def fetches(name: str, *answer: str) -> str:
    """It works, asks for an object of that name when one is looked up, and answers."""
    return says(f"{ADD} 0") + f"<= {LOOKUP}\n-> GET_SHARED_OBJECT uuid={name}\n" \
        f"<- GET_SHARED_OBJECT fd $object\n=> {LOOKUP} {' '.join(answer)}\n"


def maps(*answers: int) -> str:
    return says(*(f"SHMEM_MAP {answer}" for answer in answers))


def told(user: str, low: str = "0") -> str:
    """Its regions are at these user addresses."""
    return f"region low size=16M guest=0 user={low}\nregion high size=1M guest=1G user={user} unlisted\n" \
        + AGREED + TOLD


AT_7F = "0x7f0000000000"


def moves(entered: str, rest: str = "", advised: bool = True) -> str:
    """It is the destination of postcopy: from its beginning, or from where it listens."""
    begun = "-> POSTCOPY_ADVISE\n<- POSTCOPY_ADVISE fd $faults\n" if advised else ""
    return MEMORY + AGREED + begun + "-> POSTCOPY_LISTEN need-reply\n<- POSTCOPY_LISTEN\n" + entered + rest


def transfers(spoilt: str = "") -> str:
    """It saves a state and loads it."""
    checked = "-> CHECK_DEVICE_STATE\n<- CHECK_DEVICE_STATE\n"
    asked = "-> SET_DEVICE_STATE_FD direction={} phase=0\n<- SET_DEVICE_STATE_FD status=0 nofd\n"
    return WORKS + "use stop-rings\n" + asked.format(0) + "drain $transfer as $state\n" + checked + spoilt + \
        asked.format(1) + "feed $transfer $state\n" + checked


TABLE = "-> SET_MEM_TABLE\n<- SET_MEM_TABLE num_regions=1\n"
TABLE_TAKEN = "-> SET_MEM_TABLE nofd with payload=8\n"
ADDED = "-> ADD_MEM_REG $high\n<- ADD_MEM_REG\n"
ADDED_TAKEN = "-> ADD_MEM_REG nofd with payload=8\n"
ENDS = "-> POSTCOPY_END\n<- POSTCOPY_END\n"
PLACED = "ring 0 size=64 region=high\n-> SET_VRING_NUM 0\n-> SET_VRING_BASE 0 num={}\n"
SERVED = "-> SET_VRING_ADDR 0\n"

RIGHT = {
    "objects/added-object-is-taken": says(f"{ADD} 0"),
    "objects/own-object-can-be-removed": says(f"{ADD} 0", f"{REMOVE} 0", f"{LOOKUP} 22"),
    "objects/unknown-object-cannot-be-removed": says(f"{REMOVE} 1"),
    "objects/unknown-object-is-not-found": says(f"{LOOKUP} 22"),
    "objects/one-answer-to-a-lookup": says(f"{LOOKUP} 22", f"{REMOVE} 1"),
    "objects/found-where-it-was-added": fetches(NAME, "0", "fd $object"),
    "shmem/mapped-and-unmapped": says(*["SHMEM_MAP 0", "SHMEM_UNMAP 0"] * 2),
    "shmem/overlap-is-refused": maps(0, 1),
    "shmem/no-room-is-refused": maps(1),
    "shmem/wrapping-range-is-refused": maps(1),
    "shmem/without-memory-is-refused": maps(1),
    "shmem/unknown-region-is-refused": says("SHMEM_MAP 1", "SHMEM_UNMAP 1"),
    "shmem/unknown-range-is-not-unmapped": says("SHMEM_UNMAP 1"),
    "shmem/no-region-will-do": MEMORY + AGREED + "-> GET_SHMEM_CONFIG\n<- GET_SHMEM_CONFIG\n" + WORKS.split(AGREED)[1],
    "memory/user-addresses-are-guest-addresses": told("1G"),
    "memory/table-of-guest-addresses": MEMORY + AGREED + "-> SET_MEM_TABLE\n",
    "rings/placed-by-guest-addresses": WORKS,
    "state/saved-data-is-loaded": transfers(),
    "postcopy/advised-entered-and-ended": moves(TABLE + TABLE_TAKEN, ENDS),
    "postcopy/added-region-is-acknowledged": moves(ADDED + ADDED_TAKEN, ENDS),
    "postcopy/missing-page-is-served": moves(ADDED + ADDED_TAKEN, PLACED.format(0) + SERVED + ENDS),
}
WRONG = [
    ("objects/added-object-is-taken", says(f"{ADD} 1"), "bmsg.shared-object-add.ack"),
    ("objects/own-object-can-be-removed", says(f"{ADD} 0", f"{REMOVE} 1"), "bmsg.shared-object-remove.ack"),
    ("objects/own-object-can-be-removed", says(f"{ADD} 0", f"{REMOVE} 0", f"{LOOKUP} 0"),
     "bmsg.shared-object-remove.removes"),
    ("objects/unknown-object-cannot-be-removed", says(f"{REMOVE} 0"), "bmsg.shared-object-remove.ack"),
    ("objects/unknown-object-is-not-found", says(f"{LOOKUP} 0"), "bmsg.shared-object-lookup.reply"),
    ("objects/unknown-object-is-not-found", "eventfd $mine\n" + says(f"{LOOKUP} 22 fd $mine"),
     "bmsg.shared-object-lookup.no-fd-on-failure"),
    ("objects/one-answer-to-a-lookup", WORKS + f"<= {LOOKUP}\n=> {LOOKUP} 22\n=> {LOOKUP} 1\n",
     "ack.on-backend-channel"),
    ("objects/found-where-it-was-added", says(f"{ADD} 0", f"{LOOKUP} 22"), "bmsg.shared-object-lookup.proxied"),
    ("objects/found-where-it-was-added", fetches(NAME.replace("aa", "bb"), "0", "fd $object"),
     "msg.get-shared-object.carries-uuid"),
    ("objects/found-where-it-was-added", fetches(NAME, "0"), "bmsg.shared-object-lookup.reply"),
    ("shmem/mapped-and-unmapped", maps(1), "bmsg.shmem-map.ack"),
    ("shmem/mapped-and-unmapped", says("SHMEM_MAP 0", "SHMEM_UNMAP 1"), "bmsg.shmem-unmap.ack"),
    ("shmem/mapped-and-unmapped", says("SHMEM_MAP 0", "SHMEM_UNMAP 0", "SHMEM_MAP 1"),
     "bmsg.shmem-unmap.unmaps"),
    ("shmem/overlap-is-refused", maps(0, 0), "bmsg.shmem-map.overlap-fails"),
    ("shmem/no-room-is-refused", maps(0), "bmsg.shmem-map.ack"),
    ("shmem/wrapping-range-is-refused", maps(0), "bmsg.shmem-map.ack"),
    ("shmem/without-memory-is-refused", maps(0), "bmsg.shmem-map.ack"),
    ("shmem/unknown-region-is-refused", says("SHMEM_MAP 1", "SHMEM_UNMAP 0"), "bmsg.shmem-unmap.ack"),
    ("shmem/unknown-range-is-not-unmapped", says("SHMEM_UNMAP 0"), "bmsg.shmem-unmap.ack"),
    ("shmem/no-region-will-do", AGREED + "-> GET_SHMEM_CONFIG\n<- GET_SHMEM_CONFIG\ndisconnect\n",
     "msg.get-shmem-config.zero-means-unused"),
    ("memory/user-addresses-are-guest-addresses", told(AT_7F), "pay.region.gpa-duplicates"),
    ("memory/table-of-guest-addresses", told(AT_7F, AT_7F).replace("-> ADD_MEM_REG $high\n", ""),
     "pay.region.gpa-duplicates"),
    ("rings/placed-by-guest-addresses", told("1G", AT_7F) + "use start-rings\n",
     "pay.vring-addr.gpa-with-gpa-addresses"),
    ("state/saved-data-is-loaded", transfers("corrupt $state at=3\n"), "state.fe-forwards-data"),
    ("state/saved-data-is-loaded", transfers("truncate $state to=4\n"), "state.fe-forwards-data"),
    ("postcopy/advised-entered-and-ended", moves(TABLE + "disconnect\n"), "msg.set-mem-table.postcopy-fe-acks"),
    ("postcopy/advised-entered-and-ended", moves(TABLE.replace("TABLE\n<-", "TABLE need-reply\n<-"), "disconnect\n"),
     "msg.set-mem-table.postcopy-no-need-reply"),
    ("postcopy/advised-entered-and-ended", moves("disconnect\n", advised=False), "msg.postcopy-listen.after-advise"),
    ("postcopy/added-region-is-acknowledged", moves(ADDED + "disconnect\n"), "msg.add-mem-reg.postcopy-fe-rules"),
    ("postcopy/added-region-is-acknowledged", MEMORY + AGREED + ENDS + ADDED, "msg.postcopy-end.after-listen"),
    ("postcopy/missing-page-is-served", moves(ADDED + ADDED_TAKEN, PLACED.format(5) + SERVED),
     "postcopy.fe-serves-faults"),
]


@pytest.fixture
def judged(short_tmp: Path) -> Vringer:
    folder = short_tmp / "run"
    folder.mkdir()
    return Vringer(folder, PLAYER, short_tmp)


def judge(vringer: Vringer, scenario: str, body: str) -> tuple[str, list[str], str]:
    """Verdict and violated clauses of the front-end that plays @body."""
    script = vringer.folder / "front-end.vus"
    needs = NEEDS + " CONFIGURE_MEM_SLOTS" * ("ADD_MEM_REG" in body)
    script.write_text(HEAD.format(needs) + body + "closed within 10s\n", encoding="utf-8")
    command = f"vu-frontend --quiet --device generic --fragments {places.SCENARIOS} --socket {{socket}} {script}"
    out = vringer.folder / "results.json"
    done = vringer.run("run", "--frontend", command, "--device", "generic", "--trigger", "postcopy=true",
                       "--trigger", "incoming=true", "--json", str(out), "--output",
                       str(vringer.folder / "out"), f"frontend/{scenario}")
    result = json.loads(out.read_text(encoding="utf-8"))["results"][0]
    return result["verdict"], result["violated"], done.stdout + done.stderr


@pytest.mark.parametrize("scenario", RIGHT)
def test_who_does_it_right_passes(judged: Vringer, scenario: str) -> None:
    verdict, _, shown = judge(judged, scenario, RIGHT[scenario])
    assert verdict == "pass", shown


@pytest.mark.parametrize("scenario, body, clause", WRONG)
def test_who_does_it_wrong_fails_by_the_clause(judged: Vringer, scenario: str, body: str, clause: str) -> None:
    verdict, violated, shown = judge(judged, scenario, body)
    assert verdict == "fail" and clause in violated, shown
