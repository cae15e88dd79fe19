# SPDX-License-Identifier: Apache-2.0
"""Guests run by KVM where it runs them; elsewhere by TCG, and this test says why."""

from __future__ import annotations

import pytest

from pairs.accelerator import accelerator, lacks_kvm
from pairs.backends import REFERENCE_DISK
from pairs.conftest import Pair


def test_guests_run_by_kvm(pair: Pair) -> None:
    if why := lacks_kvm():
        pytest.skip(why)
    assert accelerator() == "kvm"
    assert pair.booted(REFERENCE_DISK).qmp.ask("query-kvm") == {"enabled": True, "present": True}
