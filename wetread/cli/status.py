"""`wetread status`, `wetread complete`, `wetread replay`: what became of everything."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from inference.domain.delivery import DeliveryState
from inference.domain.incident import IncidentQuery, IncidentState
from inference.domain.job import Job, JobState
from inference.domain.result import Result
from inference.domain.study import Study
from wetread import settings
from wetread.bootstrap import Stores, look_into_stores, open_filled_stores
from wetread.cli.output import AsJson, console, print_json

_COLOURS = {"done": "green", "delivered": "green", "failed": "red", "refused": "yellow"}


def status(
    as_json: AsJson = False,
    limit: Annotated[int, typer.Option(min=1, help="Studies to list.")] = 20,
) -> None:
    """Account for every study: received, stable, queued, running, done, refused, failed, delivered.

    Exit code 1 if the counts do not add up.
    """
    stores = look_into_stores(settings.load())
    try:
        report = describe(stores, limit)
    finally:
        stores.close()
    if as_json:
        print_json(report)
    else:
        _print(report)
    if report["problems"]:
        raise typer.Exit(1)


def complete(
    study_instance_uid: str,
    as_json: AsJson = False,
) -> None:
    """Say that a study is complete, before its quiet period ends."""
    stores = open_filled_stores(settings.load())
    try:
        done = stores.index.complete(study_instance_uid, stores.clock.now())
    finally:
        stores.close()
    _answer(as_json, done, "complete", "no study with this UID is still receiving")


def replay(
    job: Annotated[int | None, typer.Option(help="A failed job's number.")] = None,
    delivery: Annotated[int | None, typer.Option(help="A failed delivery's number.")] = None,
    all_failed: Annotated[bool, typer.Option("--all", help="Everything that failed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Try again what failed: a job, a delivery, or all of both."""
    if sum((job is not None, delivery is not None, all_failed)) != 1:
        raise typer.BadParameter("say one of --job, --delivery and --all")
    stores = open_filled_stores(settings.load())
    now = stores.clock.now()
    try:
        jobs = [job] if job is not None else []
        deliveries = [delivery] if delivery is not None else []
        if all_failed:
            failed = stores.queue.jobs(state=JobState.FAILED, limit=100_000)
            jobs = [each.job_id for each in failed]
            deliveries = [
                each.delivery_id
                for each in stores.outbox.deliveries(limit=100_000)
                if each.state is DeliveryState.FAILED
            ]
        replayed = {
            "jobs": [each for each in jobs if stores.queue.replay(each, now)],
            "deliveries": [each for each in deliveries if stores.outbox.replay(each, now)],
        }
    finally:
        stores.close()
    if as_json:
        print_json(replayed)
    else:
        console.print(
            f"Queued again: {len(replayed['jobs'])} jobs, {len(replayed['deliveries'])} deliveries"
        )
    if not all_failed and not any(replayed.values()):
        raise typer.Exit(1)


def describe(stores: Stores, limit: int) -> dict[str, Any]:
    """Return the account, and where the newest `limit` studies stand. No patient data.

    What was read in shadow stands under "shadows", never among a study's "jobs".
    """
    account = stores.index.account()
    studies = []
    for study in stores.index.studies(limit=limit):
        uid = study.study_instance_uid
        results = {
            job.job_id: result
            for shadow in (False, True)
            for job, result in stores.results.of_study(uid, shadow=shadow)
        }
        jobs = stores.queue.jobs(study_instance_uid=uid)
        studies.append(
            {
                "study_instance_uid": uid,
                "state": study.state.value,
                "revision": study.revision,
                "instances": study.instances,
                "removed": study.removed,
                "removed_at": _when(study),
                "modality": study.attributes.modality,
                "received_at": study.received_at.isoformat(),
                "jobs": [
                    _described(each, results.get(each.job_id))
                    | {
                        "objects": _objects(results.get(each.job_id)),
                        "deliveries": _deliveries(stores, each),
                    }
                    for each in jobs
                    if not each.request.shadow
                ],
                "shadows": [
                    _described(each, results.get(each.job_id))
                    for each in jobs
                    if each.request.shadow
                ],
            }
        )
    incidents = [
        {
            "incident": each.incident_id,
            "kind": each.kind.value,
            "reason": each.reason,
            "key": each.key,
            "calling_ae": each.origin.calling_ae,
            "sop_instance_uid": each.sop_instance_uid or None,
        }
        for each in stores.incidents.incidents(IncidentQuery(IncidentState.OPEN, limit=limit))
    ]
    return {
        "account": asdict(account),
        "problems": list(account.problems),
        "studies": studies,
        "incidents": incidents,
    }


def _described(job: Job, result: Result | None) -> dict[str, Any]:
    return {
        "job": job.job_id,
        "revision": job.request.revision,
        "model": str(job.request.model) if job.request.model else None,
        "rule": job.request.rule or None,
        "priority": job.request.priority.name.lower(),
        "state": job.state.value,
        "attempts": job.attempts,
        "error": job.error or None,
        "outcome": result.outcome.value if result else None,
        "reasons": [each.detail for each in result.refusals] if result else [],
        "findings": [
            {
                "finding": each.finding.meaning,
                "presence": each.presence.value,
                "certainty": round(each.certainty, 4),
                "threshold": each.threshold,
                "doubts": [doubt.detail for doubt in each.doubts],
            }
            for each in (result.findings if result else ())
        ],
    }


def _when(study: Study) -> str | None:
    return study.removed_at.isoformat() if study.removed and study.removed_at else None


def _objects(result: Result | None) -> list[dict[str, str]]:
    return [
        {"role": each.role.value, "sop_instance_uid": each.sop_instance_uid}
        for each in (result.objects if result else ())
    ]


def _deliveries(stores: Stores, job: Job) -> list[dict[str, Any]]:
    return [
        {
            "delivery": each.delivery_id,
            "destination": each.destination,
            "state": each.state.value,
            "attempts": each.attempts,
            "error": each.error or None,
        }
        for each in stores.outbox.deliveries(job_id=job.job_id)
    ]


def _print(report: dict[str, Any]) -> None:
    account = report["account"]
    totals = Table(
        title="Account", title_justify="left", show_header=False, box=None, padding=(0, 2)
    )
    states = ("queued", "running", "done", "refused", "failed")
    kinds = [
        ("Studies", ("received", "receiving", "stable")),
        ("Jobs", states),
        ("Deliveries", ("pending", "delivered", "failed")),
    ]
    if account["shadow_jobs"]:
        kinds.insert(2, ("Shadow", states))
    for label, names in kinds:
        counts = "   ".join(
            f"{name} [bold]{account[f'{label.lower()}_{name}']}[/]" for name in names
        )
        totals.add_row(label, counts)
    totals.add_row(
        "Instances", f"held [bold]{account['instances']}[/]   removed [bold]{account['removed']}[/]"
    )
    totals.add_row(
        "Set aside",
        f"conflicts [bold]{account['conflicts']}[/]   unreadable [bold]{account['unreadable']}[/]"
        f"   resolved [bold]{account['incidents_resolved']}[/]"
        + (f" (the same image: {account['incidents_same']})" if account["incidents_same"] else ""),
    )
    console.print(totals)
    for study in report["studies"]:
        console.print(
            f"\n[bold]{study['study_instance_uid']}[/]  {escape(study['modality'])}, "
            f"{study['state']}, {study['instances']} instances{_removed(study)}, "
            f"revision {study['revision']}",
            highlight=False,
        )
        for job in study["jobs"]:
            console.print(Padding(_job(job), (0, 0, 0, 2)), highlight=False)
        for job in study["shadows"]:
            console.print(Padding(_shadow(job), (0, 0, 0, 2)), highlight=False, style="dim")
    if report["incidents"]:
        console.print()
    for incident in report["incidents"]:
        console.print(
            f"incident {incident['incident']} [red]{incident['kind']}[/] {incident['key']}: "
            f"{escape(incident['reason'])}",
            soft_wrap=True,
        )
    if report["incidents"]:
        console.print("`wetread incidents` shows, exports and resolves them.", style="dim")
    for problem in report["problems"]:
        console.print(f"[red]The counts do not add up:[/] {problem}")


def _removed(study: dict[str, Any]) -> str:
    if not study["removed"]:
        return ""
    return f" ({study['removed']} removed by retention on {study['removed_at'][:10]})"


def _job(job: dict[str, Any]) -> str:
    delivered = ", ".join(
        f"[{_COLOURS.get(each['state'], 'cyan')}]{each['destination']} {each['state']}[/]"
        + (f" ({escape(each['error'])})" if each["error"] and each["state"] != "delivered" else "")
        for each in job["deliveries"]
    )
    return _said(job) + (f"\n{delivered}" if delivered else "")


def _shadow(job: dict[str, Any]) -> str:
    return f"in shadow, not delivered: {_said(job)}"


def _said(job: dict[str, Any]) -> str:
    answers = [
        f"{each['finding']} {each['presence']}, {each['certainty']:.0%}" for each in job["findings"]
    ]
    answers += dict.fromkeys(job["reasons"])
    text = f"job {job['job']} [{_COLOURS.get(job['state'], 'cyan')}]{job['state']}[/]"
    text += f"  {job['model'] or 'no model'}, revision {job['revision']}"
    return text + "".join(f"\n{escape(each)}" for each in answers or [job["error"] or ""] if each)


def _answer(as_json: bool, done: bool, word: str, otherwise: str) -> None:
    if as_json:
        print_json({word: done})
    else:
        console.print(word if done else otherwise)
    if not done:
        raise typer.Exit(1)
