"""A bucket of an S3-compatible object store."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3.session
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from inference.domain.errors import (
    DamagedFile,
    OutOfSpace,
    RepositoryUnavailable,
    SettingsError,
)

_PART = 16 << 20  # bytes
_MULTIPART = 64 << 20  # bytes; what is larger goes in parts
_CHUNK = 1 << 20  # bytes
_CONNECT_TIMEOUT = 5.0  # seconds
_READ_TIMEOUT = 30.0  # seconds without a byte
_ATTEMPTS = 3  # of each request
_CONNECTIONS = 64
_SHA256 = "sha256"  # in an object's metadata: of all its bytes, in hexadecimal
_FULL = ("InsufficientStorage", "QuotaExceeded", "XMinioStorageFull")
_MISSING = ("404", "NoSuchKey", "NotFound")


class ObjectStore:
    """Puts and gets whole objects. What comes back is what was put, by its SHA-256.

    Credentials are found as every client of AWS finds them, in the environment for one.
    Every method raises `RepositoryUnavailable` where the store cannot do it, `put` also
    `OutOfSpace`.
    """

    def __init__(self, bucket: str, prefix: str, endpoint_url: str, region: str) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._parts = TransferConfig(
            multipart_threshold=_MULTIPART, multipart_chunksize=_PART, use_threads=False
        )
        self._client: Any = boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint_url or None,
            region_name=region or None,
            config=Config(
                connect_timeout=_CONNECT_TIMEOUT,
                read_timeout=_READ_TIMEOUT,
                retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
                max_pool_connections=_CONNECTIONS,
                # Names of buckets in host names need a DNS that stores in a cluster lack.
                s3={"addressing_style": "path" if endpoint_url else "auto"},
            ),
        )

    def check(self) -> None:
        """Raise `SettingsError` unless the bucket is there and may be used."""
        try:
            with _translated():
                self._client.head_bucket(Bucket=self._bucket)
        except FileNotFoundError:
            raise SettingsError(
                f"the object store has no bucket {self._bucket}: create it, or name another "
                "one in the setting `archive`"
            ) from None
        except RepositoryUnavailable as error:
            if isinstance(error.__cause__, ClientError) and _status(error.__cause__) == 403:
                raise SettingsError(
                    f"the object store does not let us use the bucket {self._bucket}: look at "
                    "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the bucket's policy"
                ) from error
            raise

    def put(self, key: str, source: Path) -> None:
        """Return when the store has all of it; an object of the same key is replaced."""
        sha256 = _digest(source)
        meta = {_SHA256: sha256.hex()}
        named = {"Bucket": self._bucket, "Key": self._prefix + key}
        with _translated():
            if source.stat().st_size > _MULTIPART:
                self._client.upload_file(
                    str(source),
                    *named.values(),
                    ExtraArgs={"Metadata": meta, "ChecksumAlgorithm": "SHA256"},
                    Config=self._parts,
                )
                return
            with source.open("rb") as body:
                checked = base64.b64encode(sha256).decode()
                taken = self._client.put_object(
                    **named, Body=body, Metadata=meta, ChecksumSHA256=checked
                )
        _check(taken)

    def holds(self, key: str) -> bool:
        """Is there an object of this key?"""
        return self._head(key) is not None

    def holds_all(self, key: str, source: Path) -> bool:
        """Is there an object of this key with the bytes of `source`?"""
        found = self._head(key)
        if found is None:
            return False
        same: bool = found["Metadata"].get(_SHA256) == _digest(source).hex()
        return same and found["ContentLength"] == source.stat().st_size

    def get(self, key: str, target: Path) -> bool:
        """Write the object to `target`; False where there is none."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with _translated():
                    self._download(key, target)
                return True
            except FileNotFoundError:
                return False
            except RepositoryUnavailable:
                if attempt == _ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    def delete(self, key: str) -> None:
        """Remove an object; no error where there is none."""
        with suppress(FileNotFoundError), _translated():
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def _head(self, key: str) -> Any | None:
        try:
            with _translated():
                return self._client.head_object(Bucket=self._bucket, Key=self._prefix + key)
        except FileNotFoundError:
            return None

    def _download(self, key: str, target: Path) -> None:
        answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
        _check(answer)
        digest = hashlib.sha256()
        with closing(answer["Body"]) as body, target.open("wb") as file:
            for chunk in body.iter_chunks(_CHUNK):
                digest.update(chunk)
                file.write(chunk)
        said = answer["Metadata"].get(_SHA256)
        if said != digest.hexdigest():
            raise DamagedFile("The object store gave back other bytes than were put there.")


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what the client raises into our own; a missing object into `FileNotFoundError`."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code == "NoSuchBucket":  # it may come back, with all that is in it
            raise RepositoryUnavailable("The object store has no such bucket.") from error
        if code in _MISSING:
            raise FileNotFoundError(code) from error
        if code in _FULL:
            raise OutOfSpace(f"The object store is full: {code}.") from error
        raise RepositoryUnavailable(f"The object store refused: {code}.") from error
    except (BotoCoreError, Boto3Error, HTTPError) as error:
        # Its text may hold addresses and keys, so only its kind is told.
        kind = type(error).__name__
        raise RepositoryUnavailable(f"The object store cannot be used: {kind}.") from error


def _check(answer: Any) -> None:
    """Every object has an ETag; a proxy that says 200 to everything knows of none."""
    if not answer.get("ETag"):
        raise RepositoryUnavailable("What answers in the object store's place is none.")


def _status(error: ClientError) -> int:
    status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status


def _digest(source: Path) -> bytes:
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
