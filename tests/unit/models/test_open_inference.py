"""A model on a server, and every way in which a server can be of no help."""

from __future__ import annotations

import json
import struct
import time
from pathlib import Path
from typing import Any

import pytest

from inference.domain.computing import stopwatch
from inference.domain.errors import ManifestError, ModelFailed
from inference.domain.manifest import Format
from inference.models.manifest import parse_model_file
from inference.models.network_model import NetworkModel
from inference.models.toml import to_toml
from tests.support.foreign import UNIT, content_for, load_foreign
from tests.support.models import picture
from tests.support.programs import free_port
from tests.support.stub_http import Answer, StubServer

MODEL = "/v2/models/lungs"
METADATA = {"name": "lungs", "inputs": [{"name": "pictures", "datatype": "FP32"}]}
LOGITS = {"name": "logits", "shape": [1, 2], "datatype": "FP32", "data": [0.0, 2.0]}


def answers(changes: dict[str, Answer] | None = None, outputs: Any = None) -> Any:
    """Return what a server says; `changes` by path."""
    usual = {
        "/v2/health/ready": Answer(),
        MODEL: Answer(body=json.dumps(METADATA).encode()),
        f"{MODEL}/ready": Answer(),
        f"{MODEL}/infer": Answer(body=json.dumps({"outputs": outputs or [LOGITS]}).encode()),
    }
    usual.update(changes or {})
    return lambda method, path: usual.get(path, Answer(404))


def write_server(root: Path, url: str, **changes: Any) -> None:
    server = {"url": url, "model": "lungs", "timeout_seconds": 0.5, **changes.pop("server", {})}
    raw = content_for(Format.OPEN_INFERENCE, b"", server=server, **changes)
    folder = root / "small" / "1.0.0"
    folder.mkdir(parents=True)
    keys = {k: v for k, v in raw.items() if k not in ("weights", "weights_sha256")}
    (folder / "model.toml").write_text(to_toml(keys))


def load(root: Path, url: str, **changes: Any) -> NetworkModel:
    write_server(root, url, **changes)
    return load_foreign(root)


@pytest.mark.parametrize("version", ["", "3"])
def test_a_server_is_asked_for_certainties(tmp_path: Path, version: str) -> None:
    paths = {f"{MODEL}/versions/3{tail}": tail for tail in ("", "/ready", "/infer")}

    def answer(method: str, path: str) -> Answer:
        reply: Answer = answers()(method, MODEL + paths[path] if path in paths else path)
        return reply

    server = {"version": version} if version else {}
    with StubServer(answer) as stub:
        model = load(tmp_path, stub.url, server=server)
        with stopwatch() as watch:
            (found,) = model.assess([picture()])
        asked = [path for _, path in stub.requests]
    assert found.certainty == {"left": 0.5, "right": pytest.approx(0.880797)}
    assert (f"{MODEL}/versions/3/infer" if version else f"{MODEL}/infer") in asked
    assert model.manifest.weights_sha256 == ""
    assert watch.seconds > 0


def test_numbers_come_back_in_binary(tmp_path: Path) -> None:
    header = json.dumps(
        {
            "outputs": [
                {**LOGITS, "data": [1.0, 1.0], "name": "other"},
                {
                    "name": "logits",
                    "shape": [1, 2],
                    "datatype": "FP32",
                    "parameters": {"binary_data_size": 8},
                },
            ]
        }
    ).encode()
    body = header + struct.pack("<2f", 0.0, 2.0)
    reply = Answer(body=body, headers={"Inference-Header-Content-Length": str(len(header))})
    with StubServer(answers({f"{MODEL}/infer": reply})) as stub:
        recipe = {**UNIT, "answer": "logits"}
        model = load(tmp_path, stub.url, server={"binary": True}, recipe=recipe)
        (found,) = model.assess([picture()])
    assert found.certainty["right"] == pytest.approx(0.880797)


def test_occlusion_explains_what_a_server_says(tmp_path: Path) -> None:
    outputs = [{**LOGITS, "shape": [16, 2], "data": [0.5] * 32}]
    count = iter(range(999))

    def answer(method: str, path: str) -> Answer:
        # The first is about the picture, the rest about its windows.
        first = path.endswith("infer") and next(count) == 0
        reply: Answer = answers(outputs=None if first else outputs)(method, path)
        return reply

    with StubServer(answer) as stub:
        model = load(tmp_path / "a", stub.url, explanation="occlusion")
        (found,) = model.assess([picture()])
        assert found.heat_maps["right"].max() == pytest.approx(1.0)
        # This server answers with sixteen, however many it is asked.
        count = iter(range(999))
        model = load(
            tmp_path / "b", stub.url, explanation="occlusion", recipe={**UNIT, "batch": 10}
        )
        with pytest.raises(ModelFailed, match=r"\(16, 2\), not \(10, 2\)"):
            model.assess([picture()])


def test_a_server_that_is_down_fails_so_that_the_job_is_tried_again(tmp_path: Path) -> None:
    with pytest.raises(ModelFailed, match=r"cannot be reached .*; start it, or correct server.url"):
        load(tmp_path, f"http://127.0.0.1:{free_port()}")


def test_a_server_that_goes_down_later_fails_as_model_failed(tmp_path: Path) -> None:
    with StubServer(answers()) as stub:
        model = load(tmp_path, stub.url)
    with pytest.raises(ModelFailed, match=r"small 1\.0\.0 failed: .*cannot be reached"):
        model.assess([picture()])


@pytest.mark.parametrize("path", ["/v2/health/ready", f"{MODEL}/infer"])
def test_a_server_that_hangs_fails_after_its_time(tmp_path: Path, path: str) -> None:
    def answer(method: str, asked: str) -> Answer:
        if asked == path:
            time.sleep(1.5)
        reply: Answer = answers()(method, asked)
        return reply

    with (
        StubServer(answer) as stub,
        pytest.raises(ModelFailed, match=r"did not answer within 0\.5 s; .*timeout_seconds"),
    ):
        load(tmp_path, stub.url).assess([picture()])


def test_a_server_that_is_not_ready_fails_so_that_the_job_is_tried_again(tmp_path: Path) -> None:
    with (
        StubServer(answers({"/v2/health/ready": Answer(503)})) as stub,
        pytest.raises(ModelFailed, match="is not ready; try again"),
    ):
        load(tmp_path / "a", stub.url)
    with (
        StubServer(answers({f"{MODEL}/ready": Answer(400)})) as stub,
        pytest.raises(ModelFailed, match="'lungs' is not ready"),
    ):
        load(tmp_path / "b", stub.url)


def test_a_server_without_the_model_says_so(tmp_path: Path) -> None:
    with (
        StubServer(answers()) as stub,
        pytest.raises(ManifestError, match=r"no model 'hearts'; write one that it has"),
    ):
        load(tmp_path, stub.url, server={"model": "hearts"})


@pytest.mark.parametrize(
    ("inputs", "name", "words"),
    [
        ([{"name": "a"}, {"name": "b"}], "", r"2 inputs \(a, b\); name the picture's"),
        ([], "", r"0 inputs"),
        ([{"name": "a"}], "b", "no input 'b'"),
    ],
)
def test_an_input_that_is_not_known_is_asked_for(
    tmp_path: Path, inputs: list[Any], name: str, words: str
) -> None:
    metadata = Answer(body=json.dumps({"inputs": inputs}).encode())
    with (
        StubServer(answers({MODEL: metadata})) as stub,
        pytest.raises(ManifestError, match=words),
    ):
        load(tmp_path, stub.url, recipe={**UNIT, "input": name})


GARBAGE = [
    (Answer(500, b"out of memory"), "status 500: 'out of memory'; see the server's log"),
    (Answer(302, b"", headers={"Location": "http://elsewhere"}), "status 302"),
    (Answer(body=b"<html>"), "it is not JSON"),
    (Answer(body=b"[]"), "no JSON object"),
    (Answer(body=b"[" * 100000), "it is not JSON"),
    (Answer(body=b"{}"), "no outputs"),
    (Answer(body=b'{"outputs": [{"name": "a"}]}'), "an output is wrong"),
    (Answer(body=b"{}", headers={"Inference-Header-Content-Length": "99"}), "header is wrong"),
]
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"datatype": "BYTES"}, "an output is wrong"),
    ({"shape": [1, 3]}, "an output is wrong"),
    ({"shape": [-1, 2]}, "cannot be"),
    ({"shape": [10**9, 10**9]}, "cannot be"),
    ({"data": ["a", "b"]}, "an output is wrong"),
    ({"data": [float("nan"), 1.0]}, "not finite"),
    ({"shape": [2, 1]}, r"\(2, 1\), not \(1, 2\)"),
]
GARBAGE += [
    (Answer(body=json.dumps({"outputs": [{**LOGITS, **wrong}]}).encode()), words)
    for wrong, words in WRONG
]


@pytest.mark.parametrize(("reply", "words"), GARBAGE)
def test_an_answer_that_is_none_fails_as_model_failed(
    tmp_path: Path, reply: Answer, words: str
) -> None:
    with (
        StubServer(answers({f"{MODEL}/infer": reply})) as stub,
        pytest.raises(ModelFailed, match=words),
    ):
        load(tmp_path, stub.url).assess([picture()])


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ({"url": "ftp://a"}, "server.url: .*http://HOST:PORT"),
        ({"url": "http://user:secret@a"}, "server.url: .*without a password"),
        ({"model": "../admin"}, "server.model"),
        ({"timeout_seconds": 0}, "server.timeout_seconds: write a number"),
        ({"colour": 1}, "server.colour: this key is not known"),
    ],
)
def test_a_wrong_server_is_refused(server: dict[str, Any], words: str) -> None:
    table = {"url": "http://a:8000", "model": "lungs", **server}
    raw = content_for(Format.OPEN_INFERENCE, b"", server=table)
    raw = {k: v for k, v in raw.items() if k not in ("weights", "weights_sha256")}
    with pytest.raises(ManifestError, match=words):
        parse_model_file(raw, "model.toml")


def test_another_model_on_the_server_is_another_device() -> None:
    uids = set()
    for version in ("1", "2"):
        table = {"url": "http://a:8000", "model": "lungs", "version": version}
        raw = content_for(Format.OPEN_INFERENCE, b"", server=table)
        raw = {k: v for k, v in raw.items() if k not in ("weights", "weights_sha256")}
        uids.add(parse_model_file(raw, "model.toml").manifest.device_uid)
    assert len(uids) == 2
