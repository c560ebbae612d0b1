"""What all pages share: templates, static files, and how times and shares are written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from fastapi.templating import Jinja2Templates
from starlette.staticfiles import StaticFiles

from wetread.bootstrap import VERSION, SystemClock

_HERE = Path(__file__).parent

# No inline script and no inline style: a name from a header could bring its own.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

templates = Jinja2Templates(_HERE / "templates")
static = StaticFiles(directory=_HERE / "static")


def person(name: str) -> str:
    """Return a Person Name as one reads it: the first group, without empty components."""
    groups = [each for each in name.split("=") if each.strip("^ ")]
    family, *rest = groups[0].split("^") if groups else [""]
    given = " ".join(each.strip() for each in rest[:2] if each.strip())
    return f"{family.strip()}, {given}" if given and family.strip() else family.strip() or given


def day(date: str) -> str:
    """Return a DA with hyphens; as it is where it is none."""
    return f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 and date.isdigit() else date


def moment(time: datetime | None) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if time else ""


def elapsed(time: datetime) -> int:
    """Return how long ago that was, in seconds."""
    return max(0, int((SystemClock().now() - time).total_seconds()))


def since(time: datetime) -> str:
    """Return how long ago that was, in the largest unit that tells."""
    seconds = elapsed(time)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length or (unit == "min" and seconds >= length):
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def percent(share: float) -> str:
    """Return a share that rounds to 0 or 100 % only where it is that."""
    if 0 < share < 0.005:
        return "<1 %"
    if 0.995 <= share < 1:
        return ">99 %"
    return f"{share * 100:.0f} %"


templates.env.filters.update(
    person=person, day=day, moment=moment, elapsed=elapsed, since=since, percent=percent
)
templates.env.globals["version"] = VERSION
