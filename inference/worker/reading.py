"""One reading: from a Job to a Result and the Evidence behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from inference.domain import recognition, screening
from inference.domain.errors import CodecMissing, UnreadablePixels
from inference.domain.finding import Finding, Presence
from inference.domain.instance import Instance
from inference.domain.job import JobRequest
from inference.domain.manifest import Manifest
from inference.domain.refusal import Reason, Refusal
from inference.domain.result import Outcome, Result
from inference.ports import Assessment, Evidence, Files, Gates, Model, Picture, PixelReader
from inference.worker import region

_BATCH = 8  # pictures; a study of radiographs seldom has more


@dataclass(frozen=True, slots=True)
class Reading:
    """A Result that is not encoded yet, and what was seen in each Instance."""

    result: Result
    evidence: tuple[Evidence, ...]


class Reader:
    """Screens Instances, reads their pixels, asks gate and model, and says what it found.

    Without `gates` every model reads what its header promises.
    """

    def __init__(self, files: Files, pixels: PixelReader, gates: Gates | None = None) -> None:
        self._files = files
        self._pixels = pixels
        self._gates = gates

    def read(
        self,
        request: JobRequest,
        model: Model,
        instances: Sequence[Instance],
        at: datetime,
        *,
        explain: bool = True,
    ) -> Reading:
        """Raises `ModelFailed`; whatever is wrong with an Instance becomes a `Refusal`.

        Without `explain` there are no heat maps, and every region is the whole image.
        """
        manifest = model.manifest
        findings: list[Finding] = []
        refused: list[Refusal] = []
        evidence: list[Evidence] = []
        for start in range(0, len(instances), _BATCH):
            seen: list[tuple[Instance, Picture]] = []
            for instance in instances[start : start + _BATCH]:
                picture, why = self._look(manifest, instance)
                refused.extend(why)
                if picture is None:
                    evidence.append(Evidence(instance, self._files.path(instance.key)))
                else:
                    seen.append((instance, picture))
            seen, why = self._let_pass(manifest, seen, evidence)
            refused.extend(why)
            if not seen:
                continue
            answers = model.assess([picture for _, picture in seen], explain=explain)
            for (instance, picture), answer in zip(seen, answers, strict=True):
                found = interpret(manifest, instance, picture, answer, self._asks(manifest))
                findings.extend(found)
                evidence.append(self._evidence(instance, picture, answer, found))
        return Reading(
            Result(
                study_instance_uid=request.study_instance_uid,
                revision=request.revision,
                model=manifest.model,
                outcome=Outcome.ASSESSED if findings else Outcome.NOT_ASSESSED,
                findings=tuple(findings),
                refusals=tuple(refused),
                produced_at=at,
                seconds=0.0,
            ),
            tuple(evidence),
        )

    def decline(
        self,
        request: JobRequest,
        instances: Sequence[Instance],
        refusal: Refusal,
        at: datetime,
        *,
        failed: bool = False,
    ) -> Reading:
        """Return the not-assessed Result of a Job that no model reads."""
        result = Result(
            study_instance_uid=request.study_instance_uid,
            revision=request.revision,
            model=request.model,
            outcome=Outcome.NOT_ASSESSED,
            findings=(),
            refusals=(refusal,),
            produced_at=at,
            seconds=0.0,
            failed=failed,
        )
        return Reading(
            result, tuple(Evidence(each, self._files.path(each.key)) for each in instances)
        )

    def _look(
        self, manifest: Manifest, instance: Instance
    ) -> tuple[Picture | None, tuple[Refusal, ...]]:
        why = screening.refusals(manifest, instance)
        if why:
            return None, why
        uid = instance.sop_instance_uid
        try:
            return self._pixels.read(self._files.path(instance.key)), ()
        except CodecMissing as error:
            return None, (Refusal(Reason.CODEC_MISSING, str(error), uid),)
        except UnreadablePixels as error:
            return None, (Refusal(Reason.UNREADABLE_PIXELS, str(error), uid),)

    def _asks(self, manifest: Manifest) -> bool:
        return self._gates is not None and bool(manifest.gate)

    def _let_pass(
        self,
        manifest: Manifest,
        seen: list[tuple[Instance, Picture]],
        evidence: list[Evidence],
    ) -> tuple[list[tuple[Instance, Picture]], tuple[Refusal, ...]]:
        """Return what the model may read, and why it may not read the rest."""
        if not seen or self._gates is None or not manifest.gate:
            return seen, ()
        gate = self._gates.gate(manifest.gate)
        passed: list[tuple[Instance, Picture]] = []
        refused: list[Refusal] = []
        recognised = gate.look([picture for _, picture in seen])
        for (instance, picture), each in zip(seen, recognised, strict=True):
            why = recognition.objection(each, manifest.needs.recognised, manifest.model.name)
            if why is None:
                passed.append((instance, picture))
            else:
                refused.append(Refusal(*why, instance.sop_instance_uid))
                evidence.append(Evidence(instance, self._files.path(instance.key)))
        return passed, tuple(refused)

    def _evidence(
        self,
        instance: Instance,
        picture: Picture,
        answer: Assessment,
        found: Sequence[Finding],
    ) -> Evidence:
        maps = answer.heat_maps
        heat_map = max((maps[name] for name in maps), key=lambda each: each.max(), default=None)
        return Evidence(instance, self._files.path(instance.key), picture, heat_map)


def interpret(
    manifest: Manifest,
    instance: Instance,
    picture: Picture,
    answer: Assessment,
    recognised: bool = False,
) -> tuple[Finding, ...]:
    """Return one coded Finding for each output of the model.

    `recognised`: a gate let the picture pass.

    Where the patient is outside the population, or the header leaves it open, the presence
    is undetermined however high the certainty.
    """
    doubts = screening.doubts(manifest, instance, recognised=recognised)
    rows, columns = picture.pixels.shape
    findings = []
    for output in manifest.outputs:
        certainty = answer.certainty[output.name]
        above = certainty >= output.threshold
        heat_map = answer.heat_maps.get(output.name)
        findings.append(
            Finding(
                finding=output.finding,
                site=output.site,
                presence=Presence.UNDETERMINED
                if doubts
                else (Presence.PRESENT if above else Presence.ABSENT),
                certainty=certainty,
                threshold=output.threshold,
                sop_instance_uid=instance.sop_instance_uid,
                region=region.hottest(heat_map)
                if above and heat_map is not None
                else region.whole_image(rows, columns),
                doubts=doubts,
            )
        )
    return tuple(findings)
