"""Run by alembic: apply migrations on the connection that `ingot.store.database` hands over."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table="ingot_revision")
context.run_migrations()
