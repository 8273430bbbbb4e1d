"""Whether somebody was told that a review waits."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = depends_on = None


def upgrade() -> None:
    op.add_column("ingot_reviews", sa.Column("told", sa.String(32)))
    op.add_column("ingot_reviews", sa.Column("tell_after", sa.String(32)))
    op.add_column("ingot_reviews", sa.Column("tries", sa.Integer, nullable=False, server_default="0"))
    untold = sa.text("told IS NULL")
    columns = ["state", "at", "review"]
    op.create_index("ingot_reviews_untold", "ingot_reviews", columns, sqlite_where=untold, postgresql_where=untold)
