"""Model answers that are kept for the same question."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "ingot_answers", sa.Column("answer", sa.String(64), primary_key=True),
        sa.Column("sealed", sa.Text, nullable=False), sa.Column("at", sa.String(32), nullable=False),
    )  # fmt: skip
