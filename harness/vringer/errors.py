# SPDX-License-Identifier: Apache-2.0
"""The two ways in which a run can go wrong before there is a verdict."""

from __future__ import annotations


class Trouble(Exception):
    """Something that a person has to mend: what it is, and how."""

    def __init__(self, cause: str, cure: str = "") -> None:
        super().__init__(f"{cause}\n  {cure}" if cure else cause)
        self.cause = cause
        self.cure = cure


class UsageError(Trouble):
    """What was asked for makes no sense: exit code 2."""


class HarnessError(Trouble):
    """The harness cannot do what was asked: exit code 4."""


class SubjectError(Trouble):
    """A subject cannot be started; other subjects can."""
