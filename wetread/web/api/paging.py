"""Pages of a list: by keys, so that a deep page costs no more than the first."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field

from wetread.web.api.route import Shown
from wetread.web.problems import InvalidCursor

T = TypeVar("T")
S = TypeVar("S")
LARGEST = 200  # entries of a page

Limit = Annotated[int, Field(ge=1, le=LARGEST, description="Entries of a page.")]
Cursor = Annotated[
    str, Field(max_length=200, description="`next` of the page before; without it, the first page.")
]


class Filter(BaseModel):
    """What narrows a list. An unknown parameter is refused: it could have hidden something."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Limit = 50
    cursor: Cursor = ""


class Page(Shown, Generic[T]):
    """A page of a list, the newest first."""

    items: list[T]
    next: str | None = Field(
        description="The cursor of the page that follows; null on the last one.",
        examples=["am9iczo0Mg"],
    )


def before(kind: str, cursor: str) -> int | None:
    """Return the number in a cursor of the list `kind`. Raises `InvalidCursor`."""
    if not cursor:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        name, _, number = urlsafe_b64decode(padded.encode("ascii")).decode("ascii").partition(":")
        if name != kind or not number.isdigit() or len(number) > 18:
            raise InvalidCursor()
        return int(number)
    except ValueError:
        raise InvalidCursor() from None


def cursor_of(kind: str, number: int) -> str:
    return urlsafe_b64encode(f"{kind}:{number}".encode()).decode().rstrip("=")


def cut(
    kind: str,
    found: Sequence[T],
    limit: int,
    number: Callable[[T], int],
    shown: Callable[[T], S],
) -> Page[S]:
    """Return the page of what was found with one entry more than `limit`."""
    more = len(found) > limit
    return Page(
        items=[shown(each) for each in found[:limit]],
        next=cursor_of(kind, number(found[limit - 1])) if more else None,
    )


def with_link(page: Page[T], request: Request, response: Response) -> Page[T]:
    """Name the next page in a Link header (RFC 8288), too."""
    if page.next is not None:
        url = request.url.include_query_params(cursor=page.next)
        response.headers["Link"] = f'<{url}>; rel="next"'
    return page


LINKED: dict[str, Any] = {
    "description": "A page of the list.",
    "headers": {
        "Link": {
            "description": 'The page that follows, rel="next" (RFC 8288).',
            "schema": {"type": "string"},
        }
    },
}
