"""The trial's object store starts as the chart starts it, and makes its bucket."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import boto3
import botocore.exceptions
import httpx
import pytest
from botocore.config import Config

from tests.support.helm import Helm, container
from tests.support.programs import HOST, Program, free_port

SCRIPTS = sysconfig.get_path("scripts")
KEYS = {"AWS_ACCESS_KEY_ID": "wetread", "AWS_SECRET_ACCESS_KEY": "sesame"}


class ChartsStore(Program):
    """Runs by the chart's command: only ports and folders are this machine's."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory / "weed.log")
        self.directory = directory
        self.container = container(Helm(4).template("trial"), "StatefulSet", "-seaweedfs")

    def choose_ports(self) -> None:
        names = ("master", "volume", "filer", "s3")
        self.ports = {f"{name}.port{more}": free_port() for name in names for more in ("", ".grpc")}

    def command(self) -> Sequence[str]:
        (self.directory / "data").mkdir(exist_ok=True)
        ours = {"-logdir": self.directory, "-dir": self.directory / "data"}
        arguments = [
            f"{name}={ours[name]}" if (name := each.partition("=")[0]) in ours else each
            for each in self.container["args"]
            if not each.startswith("-s3.port=")
        ]
        keys = [f"{name}={value}" for name, value in KEYS.items()]
        ports = [f"-{name}={port}" for name, port in self.ports.items()]
        return ["/usr/bin/env", *keys, f"{SCRIPTS}/weed", *arguments, *ports]

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.ports['s3.port']}"

    def answers(self) -> bool:
        try:
            return httpx.get(self.url, timeout=2, trust_env=False).status_code == 403
        except httpx.TransportError:
            return False

    def after_start(self) -> None:
        """What the kubelet does once the container has started."""
        command: list[str] = self.container["lifecycle"]["postStart"]["exec"]["command"]
        master = f"{HOST}:{self.ports['master.port']}.{self.ports['master.port.grpc']}"
        subprocess.run(
            [each.replace("127.0.0.1:9333", master) for each in command],
            env=os.environ | {"PATH": f"{SCRIPTS}:{os.environ['PATH']}"},
            check=True,
            timeout=120,
        )

    def client(self, secret: str) -> object:
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=secret,
            config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
        )


def test_the_store_has_its_bucket_and_takes_only_who_has_the_secret(tmp_path: Path) -> None:
    with ChartsStore(tmp_path) as store:
        store.after_start()
        store.after_start()  # a container that is started again finds its bucket
        ours = store.client(KEYS["AWS_SECRET_ACCESS_KEY"])
        ours.put_object(Bucket="wetread", Key="north/a", Body=b"1")  # type: ignore[attr-defined]
        with pytest.raises(botocore.exceptions.ClientError, match="SignatureDoesNotMatch"):
            store.client("guessed").get_object(  # type: ignore[attr-defined]
                Bucket="wetread", Key="north/a"
            )
