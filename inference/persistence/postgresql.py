"""What a connection to PostgreSQL is given. Imported only where one is used: it needs psycopg."""

from __future__ import annotations

from typing import Any

from psycopg.types.string import StrDumperUnknown
from sqlalchemy import URL, Engine, event

from inference.persistence.codec import presentable

# A server that is gone without a word is noticed within half a minute (libpq's own names).
_CONNECTING = {
    "connect_timeout": 10,  # seconds
    "keepalives_idle": 10,  # seconds
    "keepalives_interval": 5,  # seconds
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # milliseconds
    "application_name": "wetread",
}
# A client that is gone without a word must not leave its locks behind for two hours.
_SESSION = """
SET TIME ZONE 'UTC';
SET idle_in_transaction_session_timeout = '60s';
SET lock_timeout = '10s';
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 3;
"""


class _Text(StrDumperUnknown):
    """Text that may quote what a stranger sent: PostgreSQL refuses NUL and lone surrogates."""

    def dump(self, obj: str) -> Any:
        return presentable(obj).encode()


def complete(url: URL) -> URL:
    """Return `url` with psycopg as its driver and what it does not say of the connection."""
    missing = {name: str(value) for name, value in _CONNECTING.items() if name not in url.query}
    return url.set(drivername="postgresql+psycopg").update_query_dict(missing)


def prepare(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: object) -> None:
        connection.adapters.register_dumper(str, _Text)
        connection.execute(_SESSION)
        connection.commit()
