"""The artifacts that a server serves: each verified, the newest in force for new runs, the rest by digest.

A version that is taken stays with the runs that began with it. Loading again takes what is new and verifies, and keeps
what it had where that does not; but what is no longer trusted is dropped: its key or its approval was taken back.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Any

from ingot.artifact.manifest import MANIFEST
from ingot.artifact.sign import Trusted, trusted_keys
from ingot.artifact.verify import Verified, verify
from ingot.edges.http_errors import Refused
from ingot.edges.http_trust import key_files, keys_now, still_holds
from ingot.errors import ArtifactError, IngotError
from ingot.runtime.run import Workflow, in_force
from ingot.runtime.steps import AskModel
from ingot.store.runs import RecordedWorkflow
from ingot.store.store import Store

MOST_ARTIFACTS = 500

Order = tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """One artifact, loaded. `recorded` is None where the server has no store."""

    workflow: Workflow
    recorded: RecordedWorkflow | None
    path: Path
    order: Order

    @property
    def name(self) -> str:
        """The workflow's name."""
        return self.workflow.spec.metadata.name

    @property
    def digest(self) -> str:
        """The artifact's digest."""
        return self.workflow.digest


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading came to: artifacts `taken` anew, `dropped` because they are gone, and `refused` with the reason."""

    taken: tuple[Version, ...]
    dropped: tuple[Version, ...]
    refused: tuple[tuple[Path, str], ...]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON; folders by their last name."""
        return {
            "taken": [_named(one) for one in self.taken],
            "dropped": [_named(one) for one in self.dropped],
            "refused": [{"artifact": path.name, "reason": reason} for path, reason in self.refused],
        }


def _named(one: Version) -> dict[str, str]:
    return {"name": one.name, "version": one.workflow.spec.metadata.version, "digest": one.digest}


@dataclass(frozen=True, slots=True)
class Served:
    """What is served at one moment: by path, and by name with the newest first."""

    versions: Mapping[Path, Version] = field(default_factory=dict)
    named: Mapping[str, tuple[Version, ...]] = field(default_factory=dict)


class Shelf:
    """`places` are artifacts, or folders of artifacts. Reading is safe from any thread; load from one at a time."""

    def __init__(
        self,
        places: Sequence[Path],
        *,
        store: Store | None = None,
        trusted: Sequence[Path] = (),
        require_approval: bool = False,
        ask_model: AskModel | None = None,
        today: Callable[[], date] = date.today,
    ) -> None:
        self.places, self.store, self.today = tuple(places), store, today
        self._trusted, self._require_approval, self._ask_model = tuple(trusted), require_approval, ask_model
        self.served, self._begun = Served(), False
        self._looking = Lock()
        self._seen: int | None = None

    # ---- choosing ------------------------------------------------------------------------------------------------

    def version(self, name: str | None, pinned: str | None) -> Version:
        """The version for a run that begins now: of the only workflow where `name` is None, with the digest `pinned`
        where one is given. Raises Refused."""
        named = self.served.named
        if name is None:
            if len(named) != 1:
                hint = "POST /workflows/{name}/run; GET /workflows lists the names"
                raise Refused(404, f"{len(named)} workflows are served here, so the path must name one", hint=hint)
            (found,) = named.values()
        else:
            found = named.get(name, ())
        if not found:
            raise Refused(404, "no such workflow is served here", place="name", hint="GET /workflows lists them")
        day = self.today()
        if pinned is None:
            return self._in_force(found, day)
        for one in found:
            if one.digest == pinned:
                return self._in_force((one,), day)
        raise Refused(409, "no artifact with this digest is served here", place="X-Ingot-Digest", hint=_digests(found))

    def _in_force(self, found: Sequence[Version], day: date) -> Version:
        for one in found:
            if in_force(one.workflow.spec.metadata, day):
                return one
        metadata = found[0].workflow.spec.metadata
        period = " ".join(
            part
            for part in (
                f"from {metadata.effective_from}" if metadata.effective_from else "",
                f"until {metadata.effective_until}" if metadata.effective_until else "",
            )
            if part
        )
        raise Refused(
            409,
            f"no version is in force on {day.isoformat()}",
            hint=f"the newest, {metadata.version}, is in force {period}",
        )

    def current(self) -> Iterator[Version]:
        """For each workflow the version that a run would take now; the newest where none is in force."""
        day = self.today()
        for found in self.served.named.values():
            yield next((one for one in found if in_force(one.workflow.spec.metadata, day)), found[0])

    def by_digest(self, digest: str) -> Version | None:
        """The served artifact with this digest."""
        return next((one for one in self.served.versions.values() if one.digest == digest), None)

    # ---- loading -------------------------------------------------------------------------------------------------

    def load(self) -> Loaded:
        """Look at every place again, verify what is there, and serve it from now on.

        Raises ArtifactError where a place cannot be read or holds too much, SigningError for a key that cannot be read. Once
        something is served both are told as refused: what was served stays, but for what is no longer trusted.
        """
        before = self.served.versions
        versions: dict[Path, Version] = {}
        refused: list[tuple[Path, str]] = []
        trusted = self._keys(refused)
        for path in self._found(refused):
            try:
                versions[path] = self._version(path, trusted, before.get(path))
            except Exception as error:  # noqa: BLE001 - whatever one raises, the others are looked at
                refused.append((path, _reason(error)))
                if path in before and still_holds(before[path].workflow.verified, trusted, self._require_approval):
                    versions[path] = before[path]
        taken = tuple(one for path, one in versions.items() if one is not before.get(path))
        kept = {one.digest for one in versions.values()}
        dropped = tuple(one for one in before.values() if one.digest not in kept)
        self.served, self._begun = _served(versions), True
        return Loaded(taken, dropped, tuple(refused))

    def drop_withdrawn(self) -> None:
        """Serve no more what is no longer trusted, and take nothing new. Safe from several threads; where no file changed
        since the last time it costs a look at their times."""
        with self._looking:
            now = self._fingerprint_or_none()
            if now is not None and now == self._seen:
                return
            trusted, _ = keys_now(self._trusted)
            kept = {path: one for path, one in self.served.versions.items() if self._counts(path, one, trusted)}
            if len(kept) < len(self.served.versions):
                self.served = _served(kept)
            self._seen = now

    def _counts(self, path: Path, one: Version, trusted: Trusted) -> bool:
        with suppress(IngotError, OSError):
            if verify(path, trusted, require_approval=self._require_approval).digest == one.digest:
                return True
        return still_holds(one.workflow.verified, trusted, self._require_approval)

    def _fingerprint_or_none(self) -> int | None:
        try:
            return self.fingerprint()
        except (IngotError, OSError):
            return None

    def _keys(self, refused: list[tuple[Path, str]]) -> Trusted:
        if not self._begun:
            return trusted_keys(self._trusted)
        trusted, unread = keys_now(self._trusted)
        refused += [(Path(error.place or "a key"), error.message) for error in unread]
        return trusted

    def _found(self, refused: list[tuple[Path, str]]) -> Sequence[Path]:
        """The artifacts to look at; those that are served where a place cannot be looked at."""
        try:
            return self._artifacts()
        except ArtifactError as error:
            if not self._begun:
                raise
            refused.append((Path(error.place or "a place"), error.message))
            return tuple(self.served.versions)

    def _version(self, path: Path, trusted: Trusted, before: Version | None) -> Version:
        verified = verify(path, trusted, require_approval=self._require_approval)
        order = _order(verified)
        if before is not None and before.digest == verified.digest and before.order == order:
            return before
        workflow = Workflow(verified, ask_model=self._ask_model)
        recorded = None if self.store is None else RecordedWorkflow(workflow, self.store)
        return Version(workflow, recorded, path, order)

    def _artifacts(self) -> list[Path]:
        found: list[Path] = []
        for place in self.places:
            if os.path.isfile(place / MANIFEST):  # which says no, and raises nothing, where it may not look
                found.append(place.absolute())
                continue
            try:
                inside = sorted(place.absolute().iterdir())
            except OSError as error:
                raise ArtifactError(f"cannot be read: {error.strerror}", place=str(place)) from None
            found += [one for one in inside if not one.name.startswith(".") and os.path.isfile(one / MANIFEST)]
        if len(found) > MOST_ARTIFACTS:
            raise ArtifactError(f"{len(found)} artifacts, more than are served", hint=f"at most {MOST_ARTIFACTS}")
        return found

    def fingerprint(self) -> int:
        """Changes when a file under any place does, or a trusted key. Raises ArtifactError."""
        paths = [path for artifact in self._artifacts() for path in sorted(artifact.rglob("*"))]
        seen: list[tuple[str, int, int, int]] = []
        for path in [*paths, *key_files(self._trusted)]:
            try:
                status = path.lstat()
            except FileNotFoundError:  # being replaced just now: the next look sees what it became
                continue
            seen.append((str(path), status.st_mtime_ns, status.st_ctime_ns, status.st_size))
        return hash(tuple(seen))


def _reason(error: Exception) -> str:
    """Why an artifact is not served; what is no error of ours could quote its text."""
    match error:
        case IngotError():
            return error.message
        case OSError():
            return f"{error.strerror}"
    return f"it cannot be loaded: {type(error).__name__}"


def _served(versions: Mapping[Path, Version]) -> Served:
    named: dict[str, list[Version]] = {}
    for one in sorted(versions.values(), key=lambda one: one.order, reverse=True):
        named.setdefault(one.name, []).append(one)
    return Served(versions, {name: tuple(found) for name, found in sorted(named.items())})


def _order(verified: Verified) -> Order:
    """What is newer: the higher version, then the later approval, then the manifest that was written later."""
    numbers, _, more = verified.manifest.version.partition("-")
    parts = tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"[.+]", numbers))
    approved = max((approval.at for approval in verified.approvals), default="")
    written = (verified.path / MANIFEST).stat().st_mtime_ns
    return parts, not more, more, approved, written, verified.digest


def _digests(found: Sequence[Version]) -> str:
    return "served: " + ", ".join(one.digest for one in found[:10])
