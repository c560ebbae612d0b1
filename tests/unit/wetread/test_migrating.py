"""What `wetread migrate` says where it cannot do what it was told."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from inference.domain.errors import RepositoryUnavailable, SettingsError
from wetread.bootstrap import open_stores
from wetread.cli.migrate import migrate_database
from wetread.cli.serve import serve
from wetread.settings import Settings
from wetread.state import check_not_moved, mark_moved

# Nobody listens there.
NOBODY = "postgresql://wetread:secret@127.0.0.1:1/wetread"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WETREAD_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_state_directory_that_is_not_there_is_not_moved(home: Path) -> None:
    with pytest.raises(SettingsError, match=r"no node has run in .*/home yet"):
        migrate_database(to=NOBODY)
    assert not home.exists()


def test_no_file_is_copied_before_the_database_has_answered(home: Path) -> None:
    stores = open_stores(Settings(home=home))
    stores.archive.keep_result("1.2.3", "1.2.3.4", b"a report")
    stores.close()
    with pytest.raises(RepositoryUnavailable, match="cannot be used"):
        migrate_database(to=NOBODY, archive=str(home.parent / "shared"))
    assert not (home.parent / "shared").exists()


def test_what_is_no_address_of_a_database_is_said_without_its_password(home: Path) -> None:
    open_stores(Settings(home=home)).close()
    with pytest.raises(SettingsError, match="that is no address of a database") as refused:
        migrate_database(to="postgresql://wetread:secret@host:port/wetread")
    assert "secret" not in str(refused.value)


def test_a_state_directory_that_cannot_be_written_is_said_with_what_to_do(home: Path) -> None:
    home.write_text("a file where a folder should be")
    with pytest.raises(SettingsError, match=r"home cannot be written: .* WETREAD_HOME"):
        migrate_database()


def test_an_archive_that_cannot_be_written_is_said_with_its_place(home: Path) -> None:
    (home.parent / "volume").write_text("a file where a folder should be")
    with pytest.raises(
        SettingsError, match=r"cannot be written: .* archive places it in .*/volume"
    ):
        open_stores(Settings(home=home, archive=str(home.parent / "volume")))


def test_what_was_moved_is_not_served_by_mistake(home: Path) -> None:
    embedded = Settings(home=home)
    open_stores(embedded).close()
    check_not_moved(embedded)
    mark_moved(embedded)
    with pytest.raises(SettingsError, match=r"was moved to PostgreSQL .* WETREAD_DATABASE_URL"):
        serve()
    check_not_moved(Settings(home=home, database_url=SecretStr(NOBODY)))  # now mere scratch
