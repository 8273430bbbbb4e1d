"""The tables of a store. `migrations` makes them; nothing here does."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, Text, text

tables = MetaData()

HEAD_REVISION = "0004"
"""The newest migration: what this version of the package reads and writes."""

PRUNED = ""
"""Stands where a sealed value was that retention has emptied."""

about = Table(
    "ingot_store",
    tables,
    Column("id", Integer, primary_key=True),
    Column("store", String(32), nullable=False),
    Column("key_check", String(32), nullable=False),
    Column("created", String(32), nullable=False),
)

segments = Table(
    "ingot_audit",
    tables,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("stamp", String(64), nullable=False),
    Column("prefix", String(40), nullable=False),
    Column("first", Integer, nullable=False),
    Column("records", Integer, nullable=False),
    Column("at", String(32), nullable=False),
    Column("body", LargeBinary),
    Column("content", String(64)),
    Index("ingot_audit_runs", "prefix", "first"),
    Index("ingot_audit_at", "at"),
)
"""One row per append: a line of what its records share and `records` lines of JSON, chained by `previous` and `hash`. Runs `first` and on of
`prefix` are in it. Where retention has removed `body`, the hashes stay, and `content` is the SHA-256 of what it was: with it
the chain still vouches for the other columns."""

runs = Table(
    "ingot_runs",
    tables,
    Column("run", String(64), primary_key=True),
    Column("workflow", String(200), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("state", String(12), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("at", String(32), nullable=False),
)
"""Runs that are under way or wait for a person: `state` is ``running``, ``waiting`` or ``ended``; `sealed` the input, or
`PRUNED`, here and below: the row stays, so that no other run gets its id."""

steps = Table(
    "ingot_steps",
    tables,
    Column("run", String(64), ForeignKey("ingot_runs.run"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("step", String(100), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("at", String(32), nullable=False),
)
"""The outputs of the steps that a run has finished, which are not carried out again when it goes on."""

answers = Table(
    "ingot_answers",
    tables,
    Column("answer", String(64), primary_key=True),
    Column("sealed", Text, nullable=False),
    Column("at", String(32), nullable=False),
)
"""Model answers of bounded steps with ``cache: true``, by the keyed digest of their question."""

redactions = Table(
    "ingot_redactions",
    tables,
    Column("run", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("step", String(100), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("at", String(32), nullable=False),
)
"""What the tokens stand for that a model saw in place of personal data, by the run's step: the same tokens again when the
step is carried out again. Not every run has a row in `runs`."""

reviews = Table(
    "ingot_reviews",
    tables,
    Column("review", String(64), primary_key=True),
    Column("run", String(64), ForeignKey("ingot_runs.run"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("workflow", String(200), nullable=False),
    Column("step", String(100), nullable=False),
    Column("reason", Text, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("state", String(12), nullable=False),
    Column("at", String(32), nullable=False),
    Column("decided_at", String(32)),
    Column("decided_by", String(200)),
    Column("why", Text),
    Column("answer", Text),
    Column("told", String(32)),
    Column("tell_after", String(32)),
    Column("tries", Integer, nullable=False, server_default="0"),
    Index("ingot_reviews_open", "state", "at"),
    Index(
        "ingot_reviews_untold",
        "state",
        "at",
        "review",
        sqlite_where=text("told IS NULL"),
        postgresql_where=text("told IS NULL"),
    ),
)
"""What waits for a person: `state` is ``open``, ``approved`` or ``rejected``; `why` and `answer` are sealed. `told`: when somebody was
told of it; `tell_after`: not before then, because it is being told, or could not be and is tried again (`tries` so far)."""
