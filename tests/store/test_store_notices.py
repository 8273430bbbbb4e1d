"""Somebody is told that a run waits: at least once, marked once delivered, never with a value, never at a run's cost."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import text, update

from ingot.errors import InputError
from ingot.store import notices
from ingot.store.database import reading, writing
from ingot.store.notices import MOST_SHOWN, pending, sender, tell, telling
from ingot.store.reviews import decide, list_reviews
from ingot.store.runs import RecordedWorkflow
from ingot.store.store import Store
from ingot.store.tables import reviews
from tests.store.conftest import KEY

CASE = {"name": "Planted Patient", "months": 7, "rate": "913.37"}
NO = (503, {}, {})


def posted(web: Any) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in web.requests]


def test_a_notice_names_the_review_and_holds_no_value(clerk: RecordedWorkflow, web: Any) -> None:
    asked = clerk.run(CASE)
    assert tell(clerk.store, sender(web.url, {})) == notices.Told(1, 0)
    (said,) = posted(web)
    (review,) = said["reviews"]
    assert review | {"at": ""} == {
        "review": f"{asked.run_id}.0", "workflow": "clerk 0.1.0", "step": "ask_clerk", "at": "",
    }  # fmt: skip
    assert (said["event"], said["count"]) == ("reviews_waiting", 1)
    whole = repr(web.requests)
    assert not [one for one in ("Planted", "913.37", "months", "May it go on?") if one in whole]
    assert web.requests[0].headers["Idempotency-Key"] == said["notice"]


def test_it_is_told_once_and_nobody_is_told_of_what_is_decided(clerk: RecordedWorkflow, web: Any) -> None:
    send = sender(web.url, {})
    clerk.run(CASE)
    decided = clerk.run(CASE)
    decide(clerk, f"{decided.run_id}.0", approve=True, by="Kim", why="seen", answer={"permit": "YES"})
    assert tell(clerk.store, send).told == 1
    assert tell(clerk.store, send, at_once=True).told == 0
    assert [said["count"] for said in posted(web)] == [1]


def test_what_fails_stays_pending_waits_and_is_told_later(
    clerk: RecordedWorkflow, web: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.replies += [NO, NO, (401, {}, {})]
    send = sender(web.url, {})
    clerk.run(CASE)
    failed = tell(clerk.store, send)
    assert (failed.told, failed.pending, failed.error) == (0, 1, "the webhook answered with status 503")
    assert tell(clerk.store, send) == notices.Told(0, 1), "it waits before it tries again"
    assert len(list_reviews(clerk.store)) == 1
    assert tell(clerk.store, send, at_once=True).error == "the webhook answered with status 401"
    with reading(clerk.store.engine) as connection:
        assert connection.execute(sqlalchemy.select(reviews.c.tries)).scalar_one() == 2
    later = notices._in_seconds
    monkeypatch.setattr(notices, "_in_seconds", lambda seconds: later(seconds + 60))
    assert tell(clerk.store, send) == notices.Told(1, 0)
    assert len({said["notice"] for said in posted(web)}) == 1, "the other side can see that it is the same notice"


def test_a_process_killed_while_telling_leaves_it_to_the_next(
    clerk: RecordedWorkflow, web: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk.run(CASE)

    def killed(_: Mapping[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tell(clerk.store, killed)
    assert tell(clerk.store, sender(web.url, {})).told == 0, "another may be telling just now"
    later = notices._in_seconds
    with monkeypatch.context() as patch:
        patch.setattr(notices, "_in_seconds", lambda seconds: later(seconds - 100_000))  # the clock went back a day
        assert tell(clerk.store, sender(web.url, {})).told == 1


def test_two_at_once_tell_once(clerk: RecordedWorkflow, url: str, web: Any) -> None:
    for _ in range(5):
        clerk.run(CASE)
    threads = [threading.Thread(target=tell, args=(clerk.store, sender(web.url, {}))) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    named = [one["review"] for said in posted(web) for one in said["reviews"]]
    assert sorted(named) == sorted(one["review"] for one in list_reviews(clerk.store))


def test_many_are_one_notice(pure: RecordedWorkflow, web: Any) -> None:
    for _ in range(MOST_SHOWN + 5):
        pure.run({**CASE, "rate": None})
    assert tell(pure.store, sender(web.url, {})).told == MOST_SHOWN + 5
    (said,) = posted(web)
    assert (said["count"], len(said["reviews"])) == (MOST_SHOWN + 5, MOST_SHOWN)


def test_mail_goes_to_each_and_a_refused_address_costs_no_other(clerk: RecordedWorkflow, mail: Any) -> None:
    environment = {
        "INGOT_SMTP_HOST": "127.0.0.1", "INGOT_SMTP_PORT": str(mail.port), "INGOT_SMTP_FROM": "ingot@example.org",
        "INGOT_SMTP_TLS": "none",
    }  # fmt: skip
    clerk.run(CASE)
    assert tell(clerk.store, sender("mailto:ann@example.org,%62ob@example.org", environment)) == notices.Told(1, 0)
    assert [one.recipients[0] for one in mail.messages] == ["rcpt TO:<ann@example.org>", "rcpt TO:<bob@example.org>"]
    content = mail.messages[0].content.decode()
    assert "Subject: A run waits for a person" in content
    assert "ask_clerk" in content
    assert not [one for one in ("Planted", "913.37") if one in content]
    clerk.run(CASE)
    mail.shutdown()
    mail.server_close()
    failed = tell(clerk.store, sender("mailto:ann@example.org", environment))
    assert (failed.told, failed.pending) == (0, 1)
    assert failed.error is not None
    assert "mail server" in failed.error


@pytest.mark.parametrize(
    ("target", "environment", "says"),
    [
        ("http://example.org/hook", {}, "must begin with https://"),
        ("somebody", {}, "it begins with no scheme; there are https, http and mailto"),
        ("ftp://example.org/hook", {}, "no scheme 'ftp'; there are https, http and mailto"),
        ("token:of-a-hook", {}, "it begins with no scheme"),
        ("https:///hook", {}, "it does not hold a URL"),
        ("mailto:ann@example.org", {}, "'INGOT_SMTP_FROM' is not set"),
        ("mailto:", {"INGOT_SMTP_HOST": "h", "INGOT_SMTP_FROM": "a@b.org"}, "names no address"),
        ("mailto:ann", {"INGOT_SMTP_HOST": "h", "INGOT_SMTP_FROM": "a@b.org"}, "not an e-mail address"),
        ("mailto:a@b.org", {"INGOT_SMTP_FROM": "a@b.org"}, "'INGOT_SMTP_HOST' is not set"),
        ("mailto:a@b.org", {"INGOT_SMTP_HOST": "h", "INGOT_SMTP_FROM": "a@b.org", "INGOT_SMTP_TLS": "no"}, "starttls, tls"),
        ("mailto:a@b.org", {"INGOT_SMTP_HOST": "h", "INGOT_SMTP_FROM": "a@b.org", "INGOT_SMTP_PORT": "x"}, "not a number"),
        (
            "mailto:a@b.org",
            {"INGOT_SMTP_HOST": "h.org", "INGOT_SMTP_FROM": "a@b.org", "INGOT_SMTP_TLS": "none"},
            "for this machine only",
        ),
    ],
)  # fmt: skip
def test_whom_nobody_can_reach_is_said_before_anything_runs(
    target: str, environment: dict[str, str], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        sender(target, environment)


def test_webhooks_are_signed_where_there_is_a_secret(clerk: RecordedWorkflow, web: Any) -> None:
    clerk.run(CASE)
    tell(clerk.store, sender(web.url, {"INGOT_NOTIFY_SECRET": "s3cret"}))
    assert web.requests[0].headers["X-Signature-256"].startswith("sha256=")


def test_beside_other_work_it_tells_on_arrival_and_its_failures_stay_its_own(clerk: RecordedWorkflow, web: Any) -> None:
    said: list[str] = []
    with telling(clerk.store, sender(web.url, {}), said.append, every=0.02):
        clerk.run(CASE)
        until = time.monotonic() + 10
        while pending(clerk.store) and time.monotonic() < until:
            time.sleep(0.02)
        assert pending(clerk.store) == 0
        web.replies += [(500, {}, {})]
        assert clerk.run(CASE).review is not None
    assert pending(clerk.store) == 1
    assert said == ["told of 0 reviews, 1 are pending: the webhook answered with status 500"]


def test_a_store_of_the_version_before_is_brought_up_to_date(tmp_path: Path, clerk: RecordedWorkflow, web: Any) -> None:
    if clerk.store.engine.dialect.name != "sqlite":
        pytest.skip("one database is enough for the way up")
    clerk.run(CASE)
    file = clerk.store.engine.url.database
    with writing(clerk.store.engine) as connection:
        connection.execute(text("DROP INDEX ingot_reviews_untold"))
        for column in ("told", "tell_after", "tries"):
            connection.execute(text(f"ALTER TABLE ingot_reviews DROP COLUMN {column}"))
        connection.execute(text("DROP TABLE ingot_redactions"))
        connection.execute(text("ALTER TABLE ingot_audit DROP COLUMN content"))
        connection.execute(text("UPDATE ingot_revision SET version_num = '0002'"))
    clerk.store.close()
    with Store.open(f"sqlite:///{file}", KEY) as again:
        assert pending(again) == 1
        assert tell(again, sender(web.url, {})).told == 1


def test_looking_for_something_to_tell_does_not_read_every_review(store: Store) -> None:
    if store.engine.dialect.name != "sqlite":
        pytest.skip("SQLite says how it would look")
    query = sqlalchemy.select(reviews.c.review).where(notices._due(False)).order_by(reviews.c.at).limit(1)
    shown = str(query.compile(store.engine, compile_kwargs={"literal_binds": True}))
    with reading(store.engine) as connection:
        plan = connection.execute(text(f"EXPLAIN QUERY PLAN {shown}")).all()
    assert "ingot_reviews_untold" in repr(plan)


def test_the_mark_is_only_there_once_delivered(clerk: RecordedWorkflow, web: Any) -> None:
    clerk.run(CASE)
    web.replies += [(404, {}, {})]
    tell(clerk.store, sender(web.url, {}))
    with writing(clerk.store.engine) as connection:
        assert connection.execute(sqlalchemy.select(reviews.c.told)).scalar_one() is None
        connection.execute(update(reviews).values(tell_after=None))
    tell(clerk.store, sender(web.url, {}))
    with reading(clerk.store.engine) as connection:
        assert connection.execute(sqlalchemy.select(reviews.c.told)).scalar_one() is not None
