"""A training set from reviews: images without the patient, and labels.csv."""

from __future__ import annotations

import csv
import os
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset

from dicom_node.deidentify import burned_in_annotation, deidentify
from inference.domain.errors import InputError
from inference.domain.finding import Presence
from inference.domain.instance import Instance
from inference.domain.label import CodeKey, Label, Labelled, key_of
from inference.domain.pseudonym import KEY_SIZE, Pseudonyms
from inference.ports import Files, Index

_COLUMNS = (
    "file",
    "label",
    "patient_id",
    "age",
    "sex",
    "modality",
    "body_part",
    "view",
    "burned_in",
    "finding_scheme",
    "finding_code",
    "finding",
    "ai_presence",
    "certainty",
    "threshold",
    "model",
    "version",
    "verdict",
    "assessment",
    "reason",
    "reviewers",
)
_BURNED_IN = {
    "yes": "text is burned into the image, by its header",
    "seen": "text seems to be burned into the image, by its pixels",
}


@dataclass(slots=True)
class Exported:
    """What became of it: counts of cases, images and patients, and why others were left out."""

    cases: int = 0
    images: int = 0
    patients: set[str] = field(default_factory=set)
    left_out: Counter[str] = field(default_factory=Counter)
    may_be_burned_in: int = 0


def open_pseudonyms(state: Path) -> Pseudonyms:
    """Return those of this node: its key stays here, and an export never holds it."""
    path = state / "pseudonyms.key"
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_SIZE))
            file.flush()
            os.fsync(file.fileno())
    return Pseudonyms(path.read_bytes())


def choose_finding(found: Sequence[Labelled], asked: str) -> CodeKey:
    """Return the concept that the column `label` is of. Raises `InputError`.

    `asked` is its meaning or its code value; "" where there is but one that a model reports.
    """
    named = {key: label.code for each in found for key, label in each.labels.items()}
    reported = {
        key for each in found for key, label in each.labels.items() if label.finding is not None
    }
    known = ", ".join(sorted(f"{code.meaning} ({code.value})" for code in named.values()))
    if not named:
        raise InputError("nobody has reviewed a finding yet")
    if asked:
        wanted = asked.casefold()
        matching = [
            key
            for key, code in named.items()
            if wanted in (code.value.casefold(), code.meaning.casefold())
        ]
        if len(matching) != 1:
            raise InputError(f"which finding is {asked!r}? Reviewed are: {known}")
        return matching[0]
    if len(reported) != 1:
        raise InputError(f"of which finding? Say --finding: {known}")
    return next(iter(reported))


class Export:
    """Writes one folder. Only what was reviewed leaves, and no result or overlay of ours."""

    def __init__(
        self,
        folder: Path,
        index: Index,
        files: Files,
        pseudonyms: Pseudonyms,
        *,
        finding: CodeKey,
        burned_in: bool = False,
        shows_text: Callable[[Path], bool],
        write: Callable[[Dataset, Path], Path],
    ) -> None:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{folder} is not empty; an export goes into a new folder")
        self._folder = folder
        self._index = index
        self._files = files
        self._pseudonyms = pseudonyms
        self._finding = finding
        self._burned_in = burned_in
        self._shows_text = shows_text
        self._write = write

    def run(self, found: Sequence[Labelled], advance: Callable[[], None]) -> Exported:
        """Write the images, and labels.csv last: where it is, the export is whole."""
        self._folder.mkdir(parents=True, exist_ok=True)
        done = Exported()
        others = _other_columns(found, self._finding)
        rows = []
        for each in found:
            try:
                rows.append(self._case(each, done) | _others(each, others))
            except InputError as error:
                done.left_out[str(error)] += 1
            advance()
        done.cases = len(rows)
        if rows:
            part = self._folder / "labels.csv.part"
            with part.open("w", newline="", encoding="utf-8") as file:
                table = csv.DictWriter(file, [*_COLUMNS, *others.values()])
                table.writeheader()
                table.writerows(rows)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._folder / "labels.csv")
        return done

    def _case(self, each: Labelled, done: Exported) -> dict[str, object]:
        """Write the images of one case; return its row. Raises `InputError`."""
        if not any(map(_word, each.labels.values())):
            raise InputError(next(label.why or "undetermined" for label in each.labels.values()))
        instances = list(self._instances(each))
        if not instances:
            raise InputError("the image is not held any more")
        attributes = instances[0].attributes
        patient = self._pseudonyms.patient(attributes.patient_id, each.place.study_instance_uid)
        flag = self._flag(each, instances)
        images = [
            deidentify(
                self._files.path(instance.key),
                self._pseudonyms,
                patient,
                instance.attributes.patient_age_years,
            )
            for instance in instances
        ]
        first = images[0]
        folder = self._folder / "images" / patient
        if each.place.is_series:
            folder /= str(first.SeriesInstanceUID)
        folder.mkdir(parents=True, exist_ok=True)
        written = [self._write(image, folder / str(image.SOPInstanceUID)) for image in images]
        done.images += len(written)
        done.patients.add(patient)
        done.may_be_burned_in += flag != "no"
        case = folder if each.place.is_series else written[0]
        return {
            "file": case.relative_to(self._folder).as_posix(),
            "patient_id": patient,
            "age": int(str(first.PatientAge)[:3]) if "PatientAge" in first else "",
            "sex": first.PatientSex,
            "modality": first.get("Modality", ""),
            "body_part": first.get("BodyPartExamined", ""),
            "view": first.get("ViewPosition", ""),
            "burned_in": flag,
        } | self._said(each)

    def _flag(self, each: Labelled, instances: Sequence[Instance]) -> str:
        """Return whether text is burned in, as far as is known. Raises `InputError`.

        Slices of a Series are not looked at: among hundreds, one always seems to bear text.
        """
        paths = [self._files.path(instance.key) for instance in instances]
        said = {burned_in_annotation(path) for path in paths}
        flag = "yes" if "YES" in said else "no" if said == {"NO"} else "unknown"
        if flag != "yes" and not each.place.is_series and self._shows_text(paths[0]):
            flag = "seen"
        if flag in _BURNED_IN and not self._burned_in:
            raise InputError(_BURNED_IN[flag])
        return flag

    def _instances(self, each: Labelled) -> Iterator[Instance]:
        for uid in each.place.instances:
            instance = self._index.find(uid)
            if instance is None or instance.attributes.made_by_wetread:
                continue
            if each.place.is_series and instance.series_instance_uid != each.place.uid:
                continue
            yield instance

    def _said(self, each: Labelled) -> dict[str, object]:
        label = each.labels.get(self._finding)
        if label is None:
            return {"label": ""}
        row: dict[str, object] = {
            "label": _word(label),
            "finding_scheme": label.code.scheme,
            "finding_code": label.code.value,
            "finding": label.code.meaning if label.finding is not None else "",
            "verdict": _joined(review.verdict.value for review in label.by),
            "assessment": _joined(review.stance.value for review in label.by),
            "reason": _joined(review.reason.value for review in label.by if review.reason),
            "reviewers": _joined(self._pseudonyms.reviewer(one.reviewer.id) for one in label.by),
        }
        if label.finding is not None and label.model is not None:
            row |= {
                "ai_presence": label.finding.presence.value,
                "certainty": f"{label.finding.certainty:.6g}",
                "threshold": f"{label.finding.threshold:g}",
                "model": label.model.name,
                "version": label.model.version,
            }
        return row


def _other_columns(found: Sequence[Labelled], finding: CodeKey) -> dict[CodeKey, str]:
    """Return a column for every other concept: its meaning if a model has it, else its code.

    What people typed stays here: it may name somebody.
    """
    reported = {key for each in found for key, one in each.labels.items() if one.finding}
    codes = {key: label.code for each in found for key, label in each.labels.items()}
    columns: dict[CodeKey, str] = {}
    for key, code in sorted(codes.items()):
        if key == finding:
            continue
        name = re.sub(r"[^a-z0-9]+", "_", code.meaning.casefold()).strip("_")
        usable = name and key in reported and name not in {*_COLUMNS, *columns.values()}
        columns[key] = name if usable else f"{code.scheme}_{code.value}".casefold()
    return columns


def _others(each: Labelled, columns: dict[CodeKey, str]) -> dict[str, str]:
    return {
        columns[key_of(label.code)]: _word(label)
        for label in each.labels.values()
        if key_of(label.code) in columns
    }


def _word(label: Label) -> str:
    decided = label.presence in (Presence.PRESENT, Presence.ABSENT)
    return label.presence.value if label.presence is not None and decided else ""


def _joined(words: Iterator[str]) -> str:
    return ";".join(dict.fromkeys(words))
