"""The settings: the only reader of the environment and of `wetread.toml`.

An environment variable (prefix `WETREAD_`, nested by `__`) goes before the file; the file
is `wetread.toml` in the current folder, else in `WETREAD_HOME`, or what `WETREAD_CONFIG` names.
Each setting has its heading in docs/settings.md; a test holds that.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from inference.domain.errors import SettingsError
from inference.domain.instance import Priority
from inference.domain.rule import Awaited, Rule


def _ae_title(value: str) -> str:
    # PS3.5 Table 6.2-1: at most 16 characters, no backslash, no control characters.
    if not value.strip() or len(value) > 16 or not re.fullmatch(r"[ -\[\]-~]+", value):
        raise ValueError("an AE title has 1 to 16 characters, without backslash")
    return value.strip()


def _archive_place(value: str) -> str:
    if value.startswith("s3:") and not re.match(
        r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/|$)", value
    ):
        raise ValueError("an object store is named as s3://bucket or s3://bucket/prefix")
    return value


def _regex(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return value


def _database_url(value: SecretStr) -> SecretStr:
    # It holds a password, so no message repeats it.
    if value.get_secret_value() and not value.get_secret_value().startswith("postgresql://"):
        raise ValueError("give postgresql://user:password@host/name, or nothing for SQLite")
    return value


_PREFIX = "WETREAD_"
# What the environment may hold besides: where the file is, and what the image, the notebooks and
# the tests are told.
_NO_SETTINGS = re.compile(r"WETREAD_(CONFIG|IMAGE|NOTEBOOK_DATA|DOCKER_ROOT|TEST_\w+)")
# So Kubernetes tells a pod of each Service called `wetread…`, unless the pod's spec says otherwise.
_SERVICE_LINK = re.compile(
    r"WETREAD_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP)(_\w+)?)=.*|"
    r"WETREAD_(\w+_)?PORT=\w+://.*"
)

DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
RoleName = Literal["receiver", "web", "worker"]
AETitle = Annotated[str, AfterValidator(_ae_title)]
Regex = Annotated[str, AfterValidator(_regex)]
Port = Annotated[int, Field(ge=0, le=65535)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{0,60}$")]
PeerName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AwaitedSettings(_Section):
    series_description: Regex = ""
    modality: str = ""
    instances: int = Field(default=1, ge=1)


class RuleSettings(_Section):
    """Which model reads which Series; an empty condition accepts all."""

    name: str
    model: str
    modality: tuple[str, ...] = ()
    sop_class_uid: tuple[str, ...] = ()
    body_part: tuple[str, ...] = ()
    view: tuple[str, ...] = ()
    series_description: Regex = ""
    study_description: Regex = ""
    calling_ae: tuple[str, ...] = ()
    priority: Literal["low", "medium", "high"] | None = None
    waits_for: tuple[AwaitedSettings, ...] = ()

    def to_rule(self) -> Rule:
        values = self.model_dump(exclude={"priority", "waits_for"})
        return Rule(
            **values,
            priority=Priority[self.priority.upper()] if self.priority else None,
            waits_for=tuple(Awaited(**each.model_dump()) for each in self.waits_for),
        )


class OrthancSettings(_Section):
    """An Orthanc that is followed, delivered to, or both."""

    name: PeerName = "orthanc"
    url: str
    username: str = ""
    password: SecretStr = SecretStr("")
    follow: bool = True
    from_start: bool = False
    deliver: bool = True
    viewer_root: Annotated[str, Field(pattern=r"^(|/[A-Za-z0-9._~/-]*)$")] = ""
    poll_seconds: float = Field(default=1.0, gt=0)


class MoveDestinationSettings(_Section):
    """An AE to which a C-MOVE may send."""

    ae_title: AETitle
    host: str
    port: Annotated[int, Field(ge=1, le=65535)]


class DicomDestinationSettings(MoveDestinationSettings):
    """An AE to which results go by C-STORE."""

    name: PeerName


# `make setup` puts OHIF there.
_VIEWER = Path(__file__).parents[1] / ".web" / "ohif"

_CHEST_RADIOGRAPHS = RuleSettings(
    name="chest-radiograph", model="cxr-pneumonia", modality=("CR", "DX", "RG")
)
_CHEST_CT = RuleSettings(name="chest-ct", model="ct-contrast", modality=("CT",))


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    home: Path = Path("~/.wetread")
    database_url: DatabaseUrl = SecretStr("")
    migrate_on_start: bool = True
    roles: Annotated[tuple[RoleName, ...], Field(min_length=1)] = ("receiver", "web", "worker")
    ae_title: AETitle = "WETREAD"
    dimse_host: str = "0.0.0.0"
    dimse_port: Port = 11112
    calling_ae_titles: tuple[AETitle, ...] = ()
    maximum_pdu: int = Field(default=131072, ge=0)  # bytes, 0 for no limit
    maximum_associations: int = Field(default=16, ge=1)
    maximum_query_associations: int = Field(default=8, ge=1)
    query_ae_titles: tuple[AETitle, ...] = ()
    maximum_matches: int = Field(default=100_000, ge=1)
    network_timeout_seconds: float = Field(default=60.0, gt=0)
    http_host: str = "127.0.0.1"
    http_port: Port = 8080
    cors_origins: tuple[Annotated[str, Field(pattern=r"^(\*|https?://[^/\s]+)$")], ...] = ()
    viewer_folder: Path = _VIEWER
    maximum_stow_mb: int = Field(default=4096, ge=1)
    archive: Annotated[str, AfterValidator(_archive_place)] = ""
    archive_cache_mb: int = Field(default=10_240, ge=0)
    s3_endpoint_url: Annotated[str, Field(pattern=r"^(|https?://\S+)$")] = ""
    s3_region: str = ""
    quiet_seconds: float = Field(default=30.0, ge=0)
    low_watermark_mb: int = Field(default=1024, ge=0)
    retention_days: int = Field(default=0, ge=0, le=36_500)  # 0: nothing is ever removed
    event_days: int = Field(default=30, ge=1, le=3650)
    maximum_attempts: int = Field(default=3, ge=1)
    gate: bool = True
    inference_threads: int = Field(default=1, ge=1)
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:[0-9]{1,2})?)$")] = "auto"
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    compile: Literal["never", "auto", "always"] = "never"
    maximum_models: int = Field(default=8, ge=1)
    worker_jobs: int = Field(default=1, ge=1, le=64)
    maximum_batch: int = Field(default=0, ge=0)  # 0: by the device
    maximum_wait_ms: float = Field(default=20.0, ge=0)
    drain_seconds: float = Field(default=90.0, ge=0)
    lease_seconds: float = Field(default=60.0, gt=0)
    deliver_to_archive: bool = True
    result_objects: tuple[
        Literal["overlay", "segmentation", "parametric map", "key objects"], ...
    ] = ("overlay", "segmentation", "parametric map", "key objects")
    rules: tuple[RuleSettings, ...] = (_CHEST_RADIOGRAPHS, _CHEST_CT)
    orthanc: tuple[OrthancSettings, ...] = ()
    destinations: tuple[DicomDestinationSettings, ...] = ()
    move_destinations: tuple[MoveDestinationSettings, ...] = ()
    reviewer_header: HeaderName = ""
    reviewer_organization: str = Field(default="", max_length=64)
    tenant: str = Field(default="", max_length=64)
    otlp_endpoint: Annotated[str, Field(pattern=r"^(|https?://\S+)$")] = ""
    log_format: Literal["text", "json"] = "text"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        sources: list[PydanticBaseSettingsSource] = [init_settings, env_settings]
        path = config_file()
        if path is not None:
            sources.append(TomlConfigSettingsSource(settings_cls, path))
        return tuple(sources)

    def model_post_init(self, context: Any, /) -> None:
        names = [each.name for each in self.orthanc] + [each.name for each in self.destinations]
        repeated = {name for name in names if names.count(name) > 1 or name == "archive"}
        if repeated:
            raise ValueError(f"each peer needs a name of its own: {', '.join(sorted(repeated))}")
        if self.is_embedded and set(self.roles) != set(get_args(RoleName)):
            raise ValueError(
                "roles in processes of their own share a database: set database_url to PostgreSQL"
            )

    @property
    def is_embedded(self) -> bool:
        """One process on SQLite, alone with its state directory?"""
        return not self.database_url.get_secret_value()

    @property
    def state(self) -> Path:
        """The one state directory, absolute."""
        return self.home.expanduser().absolute()


def config_file() -> Path | None:
    """Return the `wetread.toml` that is in force, or None."""
    named = os.environ.get("WETREAD_CONFIG")
    if named:
        if not Path(named).is_file():
            raise SettingsError(f"WETREAD_CONFIG names {named}, which is not a file")
        return Path(named)
    home = Path(os.environ.get("WETREAD_HOME", "~/.wetread")).expanduser()
    return next(
        (each for each in (Path("wetread.toml"), home / "wetread.toml") if each.is_file()), None
    )


def load(**overrides: Any) -> Settings:
    """Read the settings; `overrides` go before all. Raises `SettingsError` with every fault."""
    faults = list(_unknown_names())
    try:
        found = Settings(**{key: value for key, value in overrides.items() if value is not None})
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{config_file()}: {error}") from None
    except ValidationError as error:
        faults += (
            f"{'.'.join(str(part) for part in each['loc']) or 'settings'}: {each['msg']}"
            for each in error.errors(include_input=False, include_url=False)
        )
    if not faults:
        return found
    source = config_file()
    where = f" ({source} and the environment)" if source else " (the environment)"
    raise SettingsError("\n  ".join((f"These settings are not valid{where}:", *faults)))


def _unknown_names() -> Iterator[str]:
    """What is wrong with the names in the environment: pydantic reads those that it knows."""
    known = {f"{_PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in sorted(os.environ):
        meant = name.upper().partition("__")[0]
        if not meant.startswith(_PREFIX) or meant in known or _NO_SETTINGS.fullmatch(meant):
            continue
        if _SERVICE_LINK.fullmatch(f"{meant}={os.environ[name]}"):
            continue
        near = difflib.get_close_matches(meant, known, 1)
        yield f"{name}: no setting is called so" + (f"; {near[0]} is one" if near else "")
