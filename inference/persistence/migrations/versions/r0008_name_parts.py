"""The parts of each Patient's Name, so that wildcards are found by index."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_BATCH = 5000  # rows


def upgrade() -> None:
    parts = op.create_table(
        "catalog_name_parts",
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("study", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["study"], ["catalog_studies.number"], name="fk_catalog_name_parts_study"
        ),
        sa.PrimaryKeyConstraint("part", "study", name=op.f("pk_catalog_name_parts")),
        sqlite_with_rowid=False,
    )
    bind = op.get_bind()
    held = bind.execute(sa.text("SELECT number, patient_name_key FROM catalog_studies")).all()
    rows = _rows(held)
    while batch := list(islice(rows, _BATCH)):
        bind.execute(sa.insert(parts), batch)


def downgrade() -> None:
    op.drop_table("catalog_name_parts")


def _rows(held: Any) -> Iterator[dict[str, Any]]:
    for number, name in held:
        for part in _parts_of(name):
            yield {"study": number, "part": part}


def _parts_of(text: str) -> set[str]:
    found = {text[at : at + 3] for at in range(len(text) - 2)}
    pairs = (text[at : at + 2] for at in range(len(text) - 1))
    return found | {each for each in pairs if not each.isascii()}
