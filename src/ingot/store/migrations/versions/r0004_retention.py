"""What tokens stand for, reasons sealed, and what vouches for the columns of a segment that retention has emptied."""

import sqlalchemy as sa
from alembic import context, op

revision = "0004"
down_revision = "0003"
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "ingot_redactions", sa.Column("run", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("step", sa.String(100), nullable=False), sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
    )  # fmt: skip
    op.add_column("ingot_audit", sa.Column("content", sa.String(64)))
    for statement in _APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)
    _seal_reasons()


def _seal_reasons() -> None:
    """Reasons that stand in the clear. Those in the log stay as they were written: nothing in it is changed."""
    reviews = sa.table("ingot_reviews", sa.column("review", sa.String), sa.column("why", sa.Text))
    connection, key = op.get_bind(), context.config.attributes["key"]
    for row in connection.execute(sa.select(reviews).where(reviews.c.why.is_not(None))).all():
        sealed = key.seal(row.why.encode(), f"{row.review}/why".encode())
        connection.execute(sa.update(reviews).where(reviews.c.review == row.review).values(why=sealed))


# Besides taking a body away once, retention says what it was. All else is as before.
_KEPT = "number", "previous", "hash", "stamp", "prefix", "first", "records", "at"
_APPEND_ONLY = {
    "sqlite": (
        "DROP TRIGGER IF EXISTS ingot_audit_no_update",
        "CREATE TRIGGER ingot_audit_no_update BEFORE UPDATE ON ingot_audit WHEN NEW.body IS NOT NULL OR OLD.body IS NULL OR "
        + " OR ".join(f'NEW."{name}" IS NOT OLD."{name}"' for name in _KEPT)
        + " BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION ingot_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF TG_OP = 'UPDATE' AND NEW.body IS NULL AND OLD.body IS NOT NULL AND "
        + " AND ".join(f'NEW."{name}" = OLD."{name}"' for name in _KEPT)
        + " THEN RETURN NEW; END IF; RAISE EXCEPTION 'the audit log is append-only'; END $$",
    ),
}
