"""The audit log, runs under way, their finished steps, and reviews."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table("ingot_store", _number("id"), _text("store", 32), _text("key_check", 32), _text("created", 32))
    op.create_table(
        "ingot_audit", _number("number"), _text("previous", 64), _text("hash", 64), _text("stamp", 64),
        _text("prefix", 40), _plain("first"), _plain("records"), _text("at", 32), sa.Column("body", sa.LargeBinary),
    )  # fmt: skip
    op.create_index("ingot_audit_runs", "ingot_audit", ["prefix", "first"])
    op.create_index("ingot_audit_at", "ingot_audit", ["at"])
    op.create_table(
        "ingot_runs", sa.Column("run", sa.String(64), primary_key=True), _text("workflow", 200), _text("digest", 64),
        _text("state", 12), _text("sealed"), _text("at", 32),
    )  # fmt: skip
    op.create_table(
        "ingot_steps", sa.Column("run", sa.String(64), sa.ForeignKey("ingot_runs.run"), primary_key=True),
        _number("number"), _text("step", 100), _text("sealed"), _text("at", 32),
    )  # fmt: skip
    op.create_table(
        "ingot_reviews", sa.Column("review", sa.String(64), primary_key=True),
        sa.Column("run", sa.String(64), sa.ForeignKey("ingot_runs.run"), nullable=False), _plain("number"),
        _text("workflow", 200), _text("step", 100), _text("reason"), _text("sealed"), _text("state", 12),
        _text("at", 32), sa.Column("decided_at", sa.String(32)), sa.Column("decided_by", sa.String(200)),
        sa.Column("why", sa.Text), sa.Column("answer", sa.Text),
    )  # fmt: skip
    op.create_index("ingot_reviews_open", "ingot_reviews", ["state", "at"])
    for statement in _APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, primary_key=True, autoincrement=False)


def _plain(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, nullable=False)


def _text(name: str, length: int | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.Text if length is None else sa.String(length), nullable=False)


# The log can be appended to, and retention can take a body away; nothing else. Whoever owns the database can drop
# these: they stop slips, and the chain shows the rest.
_KEPT = "number", "previous", "hash", "stamp", "prefix", "first", "records", "at"
_APPEND_ONLY = {
    "sqlite": (
        "CREATE TRIGGER ingot_audit_no_delete BEFORE DELETE ON ingot_audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
        "CREATE TRIGGER ingot_audit_no_update BEFORE UPDATE ON ingot_audit WHEN NEW.body IS NOT NULL OR "
        + " OR ".join(f'NEW."{name}" IS NOT OLD."{name}"' for name in _KEPT)
        + " BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION ingot_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF TG_OP = 'UPDATE' AND NEW.body IS NULL AND "
        + " AND ".join(f'NEW."{name}" = OLD."{name}"' for name in _KEPT)
        + " THEN RETURN NEW; END IF; RAISE EXCEPTION 'the audit log is append-only'; END $$",
        "CREATE TRIGGER ingot_audit_append_only BEFORE UPDATE OR DELETE ON ingot_audit "
        "FOR EACH ROW EXECUTE FUNCTION ingot_audit_append_only()",
    ),
}
