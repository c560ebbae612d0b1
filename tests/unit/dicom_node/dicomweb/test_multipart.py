"""The multipart reader, on whole messages and on their ruins."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_node.dicomweb.media import parse_media_types
from dicom_node.dicomweb.multipart import Data, End, Head, MultipartReader
from dicom_node.dicomweb.problems import WebError
from tests.support.multipart import multipart_of

PARTS = [b"one", b"", b"\r\n--a-boundar\r\n--a-", bytes(range(256)) * 3, b"--a-boundary"]


def read(message: bytes, step: int, boundary: str = "a-boundary") -> list[tuple[str, bytes]]:
    reader = MultipartReader(boundary)
    found: list[tuple[str, bytes]] = []
    ended = 0
    for start in range(0, len(message), step):
        for event in reader.feed(message[start : start + step]):
            if isinstance(event, Head):
                found.append((event.headers.get("content-type", ""), b""))
            elif isinstance(event, Data):
                found[-1] = (found[-1][0], found[-1][1] + event.content)
            elif isinstance(event, End):
                ended += 1
    reader.close()
    assert ended == len(found)
    return found


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 10_000])
def test_parts_are_found_however_they_come(step: int) -> None:
    message = multipart_of([("application/dicom", each) for each in PARTS])
    expected = [("application/dicom", each) for each in PARTS]
    assert read(message, step) == expected
    assert read(b"a preamble\r\n" + message + b"an epilogue", step) == expected


@given(st.lists(st.binary(max_size=80), min_size=1, max_size=4), st.integers(1, 50))
def test_any_content_comes_through(contents: list[bytes], step: int) -> None:
    boundary = "b0undary-that-is-in-no-content"
    message = multipart_of([("a/b", each) for each in contents], boundary)
    assert [content for _, content in read(message, step, boundary)] == contents


def test_headers_may_be_missing() -> None:
    assert read(b"--a-boundary\r\n\r\nx\r\n--a-boundary--", 3) == [("", b"x")]
    assert read(b"--a-boundary  \r\nA: b\r\n\r\nx\r\n--a-boundary--", 3) == [("", b"x")]


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"no boundary at all",
        b"x" * 20_000,
        b"--a-boundary",
        b"--a-boundary\r\n",
        b"--a-boundary\r\nContent-Type: a/b\r\n\r\nno end",
        b"--a-boundary\r\nContent-Type: a/b\r\n\r\nx\r\n--a-boundary",
        b"--a-boundaryX\r\n\r\nx\r\n--a-boundary--",
        b"--a-boundary\r\nno header\r\n\r\nx\r\n--a-boundary--",
        b"--a-boundary\r\nA: b\r\n folded\r\n\r\nx\r\n--a-boundary--",
        b"--a-boundary\r\nA: " + b"b" * 20_000,
        b"--a-boundary" + b" " * 20_000,
    ],
)
@pytest.mark.parametrize("step", [1, 100_000])
def test_what_is_no_message_is_refused(message: bytes, step: int) -> None:
    with pytest.raises(WebError):
        read(message, step)


def test_only_so_many_parts() -> None:
    with pytest.raises(WebError, match="parts"):
        read(b"--a-boundary\r\n\r\nx\r\n" * 21_000, 100_000)


@pytest.mark.parametrize("boundary", ["", "x" * 201, "a\r\nb", "ä", "ends in a blank "])
def test_a_boundary_that_is_none(boundary: str) -> None:
    with pytest.raises(WebError):
        MultipartReader(boundary)


@given(st.binary(max_size=300))
def test_garbage_ends_in_an_error_or_in_parts(message: bytes) -> None:
    with pytest.raises(WebError):
        read(b"--a-boundary\r\n" + message, 7)


def test_media_types_are_read() -> None:
    text = 'multipart/related; type="a/b; c"; q=0.5;x=y ; , */*;q=0, image/PNG'
    found = list(parse_media_types(text))
    assert [each.name for each in found] == ["multipart/related", "*/*", "image/png"]
    assert found[0].parameters == {"type": "a/b; c", "q": "0.5", "x": "y"}
    for wrong in ("x", "a/b/c", "a b/c", "x" * 5000):
        with pytest.raises(WebError):
            list(parse_media_types(wrong))


@given(st.text(max_size=60))
def test_any_accept_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(WebError):
        list(parse_media_types(text))
