"""Coded entries (PS3.3 Section 8)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """Code Value, Coding Scheme Designator, Code Meaning (PS3.3 Table 8.8-1)."""

    value: str
    scheme: str
    meaning: str
