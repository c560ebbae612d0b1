"""The manual has a row for every clause, and no other."""

from __future__ import annotations

import pytest

from tests.conformance import test_retrieve, test_search, test_store, test_worklist
from tests.conformance.table import clauses_in_manual


def clauses() -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for module in (test_search, test_retrieve, test_store, test_worklist):
        for name, test in vars(module).items():
            if name.startswith("test_") and callable(test):
                marks: list[pytest.Mark] = getattr(test, "pytestmark", [])
                found |= {each.args for each in marks if each.name == "clause"}
    return found


def test_every_clause_stands_in_the_manual() -> None:
    assert clauses_in_manual() == clauses()
