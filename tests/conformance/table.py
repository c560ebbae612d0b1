"""The table of clauses in docs/dicomweb.md."""

from __future__ import annotations

from pathlib import Path

import pytest

MANUAL = Path(__file__).parents[2] / "docs" / "dicomweb.md"
BEGIN = "<!-- clauses: written by `python -m tests.conformance` -->"
END = "<!-- end of clauses -->"
SERVERS = ("Wetread", "Orthanc")


class Recorder:
    """Collects what became of each clause: a clause with several tests holds if all do."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], dict[str, bool]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        said = dict(report.user_properties)
        if report.when != "call" or "section" not in said:
            return
        clause = str(said["section"]), str(said["text"])
        servers = self.held.setdefault(clause, {})
        name = str(said["server"])
        servers[name] = servers.get(name, True) and report.passed


def rows(recorder: Recorder) -> list[str]:
    def order(clause: tuple[str, str]) -> tuple[list[int], str]:
        return [int(each) for each in clause[0].split(".")], clause[1]

    lines = [
        "| PS3.18 | clause | Wetread | Orthanc 1.10, plugin 1.7 |",
        "| --- | --- | --- | --- |",
    ]
    for clause in sorted(recorder.held, key=order):
        section, text = clause
        marks = [
            {True: "yes", False: "no", None: "not run"}[recorder.held[clause].get(name)]
            for name in SERVERS
        ]
        lines.append(f"| {section} | {text} | {' | '.join(marks)} |")
    return lines


def write(recorder: Recorder) -> None:
    before, _, rest = MANUAL.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    table = "\n".join(rows(recorder))
    MANUAL.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}")


def clauses_in_manual() -> set[tuple[str, str]]:
    text = MANUAL.read_text().partition(BEGIN)[2].partition(END)[0]
    cells = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {(row[0].removeprefix("| "), row[1]) for row in cells[1:] if row[0] != "| ---"}
