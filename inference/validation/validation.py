"""A validation from labels to report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from inference.domain.errors import InputError
from inference.domain.manifest import Manifest, Output
from inference.validation.bar import Bar, judge
from inference.validation.case import CaseList
from inference.validation.opener import Opener
from inference.validation.record import FILE_NAME, Identity, ResultsFile
from inference.validation.report import Report, write_report
from inference.validation.run import Lane, explain, run
from inference.validation.summary import summarise
from inference.validation.worst import Mistake, picture_of, worst


def choose_output(manifest: Manifest, name: str) -> Output:
    """Return the output of that name, or the only one. Raises `InputError`."""
    for output in manifest.outputs:
        if output.name == name or (not name and len(manifest.outputs) == 1):
            return output
    names = ", ".join(output.name for output in manifest.outputs)
    raise InputError(f"which output of {manifest.model}? Say --output: {names}")


def names_of(output: Output) -> tuple[str, ...]:
    """Return what labels may call the finding."""
    return (output.name, output.finding.meaning)


def validate(
    lanes: Sequence[Lane],
    output: Output,
    data: str,
    listed: CaseList,
    opener: Opener,
    folder: Path,
    *,
    gate: str = "",
    bars: tuple[Bar, ...] = (),
    worst_errors: int = 6,
    workers: int = 2,
    at: datetime,
    software_version: str,
    advance: Callable[[int], None] = lambda done: None,
) -> Report:
    """Read what `folder` does not hold yet, measure all, and write the report there.

    `lanes` are the pipeline that serves, each with the same model; `gate` is the name and
    version of the gate in them, "" for none. `data` is the data set's name.
    `worst_errors` of each kind get pictures. Raises `InputError` if the folder holds
    another run.
    """
    model = lanes[0].model
    identity = _identity(model.manifest, output, listed, gate)
    with ResultsFile(folder / FILE_NAME, identity) as results:
        run(
            lanes,
            output,
            listed.cases,
            opener,
            results,
            workers=workers,
            at=at,
            advance=advance,
        )
        found = [record for case in listed.cases if (record := results.find(case))]
        summary = summarise(found, output.threshold)
        errors = {each.file: each for each in worst(found, output.threshold, worst_errors)}
        shown = explain(
            lanes[0],
            [case for case in listed.cases if case.file in errors],
            opener,
            workers=workers,
            at=at,
        )
        seen = {case.file: picture_of(errors[case.file], evidence) for case, evidence in shown}
        mistakes = [seen.get(file, Mistake(record)) for file, record in errors.items()]
        report = Report(
            manifest=model.manifest,
            identity=identity,
            data=data,
            data_sha256=listed.digest,
            unlabelled=listed.unlabelled,
            at=at,
            software_version=software_version,
            summary=summary,
            verdicts=judge(bars, summary),
            mistakes=mistakes,
        )
        write_report(report, folder)
    return report


def _identity(manifest: Manifest, output: Output, listed: CaseList, gate: str) -> Identity:
    return Identity(
        model=manifest.model.name,
        version=manifest.model.version,
        weights_sha256=manifest.weights_sha256,
        output=output.name,
        threshold=output.threshold,
        label_column=listed.labels.column,
        positive=listed.labels.positive,
        subset=listed.labels.subset,
        gate=gate,
    )
