"""Verification: numbered steps over bytes that were read once. The first step that is not satisfied refuses.

The steps trust nothing but the keys they are given: digests tie the files to the manifest, the signature ties the
manifest to a key, and the last steps tie the files to what was signed about them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypeVar

from ingot.artifact import dsse, statement
from ingot.artifact.manifest import ATTESTATION, GIVEN, HELD_OUT, MANIFEST, UNLISTED, Manifest, read_manifest
from ingot.artifact.read import Tree, read_tree
from ingot.artifact.sign import Trusted, trusted_keys
from ingot.artifact.statement import DERIVED, DIFFERENCE, STAGE_ORDER, Approval
from ingot.canonical import digest, readable_json
from ingot.errors import ArtifactError

Part = TypeVar("Part")

MOST_ENVELOPES = 64
REQUIRED = (DERIVED - UNLISTED - {DIFFERENCE}) | {"spec.yaml", GIVEN, HELD_OUT}
_AGAIN = "get the artifact again from its source, or compile the spec again"
_UNTRUE = "the signer's Ingot wrote what is not so; do not use this artifact, and ask its author"


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step that was satisfied, and what it looked at."""

    number: int
    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Verified:
    """An artifact that passed every step, as the bytes that passed: use these, do not open the files again.

    `files` holds every file of the directory by its path; `statement` is the compile statement; `signers` are the
    trusted keys that signed it and `authors` all keys named on it; `approvals` are those by trusted keys.
    """

    path: Path
    files: Mapping[str, bytes]
    manifest: Manifest
    statement: Mapping[str, Any]
    digest: str
    signers: tuple[str, ...]
    authors: tuple[str, ...]
    approvals: tuple[Approval, ...]
    steps: tuple[StepReport, ...]


@dataclass(frozen=True)
class Bundle:
    """What the steps look at. Parsed parts are parsed when a step first asks for them, and then kept."""

    path: Path
    tree: Tree
    trusted: Trusted
    require_approval: bool

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest. Raises ArtifactError."""
        return _at(self.place(MANIFEST), read_manifest, self.file(MANIFEST))

    @cached_property
    def envelopes(self) -> tuple[dsse.Envelope, ...]:
        """The signed envelopes: the author's first, then those of the approvers. Raises ArtifactError."""
        lines = self.file(ATTESTATION).splitlines(keepends=True)
        if not 1 <= len(lines) <= MOST_ENVELOPES:
            raise ArtifactError(f"{len(lines)} envelopes where 1 to {MOST_ENVELOPES} belong", hint=_AGAIN)
        return tuple(
            _at(f"{self.place(ATTESTATION)}:{number}", dsse.read_envelope, line)
            for number, line in enumerate(lines, start=1)
        )

    @cached_property
    def statement(self) -> dict[str, Any]:
        """The author's statement. Raises ArtifactError."""
        return _at(self.place(ATTESTATION), statement.read_compile, self.envelopes[0].payload)

    @cached_property
    def digest(self) -> str:
        """The artifact's digest."""
        return digest(self.file(MANIFEST))

    def file(self, path: str) -> bytes:
        """The bytes of one file. Raises ArtifactError where there is none."""
        if path not in self.tree.files:
            raise ArtifactError(f"{path!r} is missing", place=str(self.path), hint=_AGAIN)
        return self.tree.files[path]

    def place(self, path: str) -> str:
        """A file's path, for messages."""
        return str(self.path / path)


def verify(path: str | Path, trusted: Trusted | None = None, *, require_approval: bool = False) -> Verified:
    """Read the artifact at `path` once and take it through every step.

    `trusted` are the keys that may have signed it: by default those that this user trusts, with further ones
    ``ingot.artifact.sign.trusted_keys(["their.pub"])``. Raises ArtifactError with the
    number of the first step that refuses, the file, and what to do.
    """
    path = Path(path)
    bundle = Bundle(path, read_tree(path), dict(trusted_keys() if trusted is None else trusted), require_approval)
    reports = tuple(_taken(number, step, bundle) for number, step in enumerate(STEPS, start=1))
    return Verified(
        path=path,
        files=bundle.tree.files,
        manifest=bundle.manifest,
        statement=bundle.statement,
        digest=bundle.digest,
        signers=dsse.signers(bundle.envelopes[0], bundle.trusted),
        authors=_authors(bundle),
        approvals=_approvals(bundle)[0],
        steps=reports,
    )


def _taken(number: int, step: Step, bundle: Bundle) -> StepReport:
    try:
        return StepReport(number, step.name, True, step.check(bundle))
    except ArtifactError as refusal:
        raise ArtifactError(
            f"refused at step {number} ({step.name}): {refusal.message}",
            step=number,
            place=refusal.place or str(bundle.path),
            hint=refusal.hint or _AGAIN,
        ) from None


def _at(place: str, read: Callable[[bytes], Part], content: bytes) -> Part:
    """What `read` makes of the bytes; its complaint becomes a refusal that names the place."""
    try:
        return read(content)
    except ArtifactError as refusal:
        raise ArtifactError(refusal.message, place=place, hint=refusal.hint or _AGAIN) from None
    except (ValueError, RecursionError) as error:
        raise ArtifactError(str(error), place=place, hint=_AGAIN) from None


# ---- the steps ---------------------------------------------------------------------------------------------------


def plain_directory(bundle: Bundle) -> str:
    """Only plain files and folders, none too large, nothing that leads elsewhere."""
    if bundle.tree.irregular:
        path, wrong = bundle.tree.irregular[0]
        name = repr(path) if path else "the artifact"
        raise ArtifactError(
            f"{name} {wrong}",
            place=bundle.place(path) if path else str(bundle.path),
            hint="give the artifact's own directory, copied without links",
        )
    return f"{len(bundle.tree.files)} files, {sum(map(len, bundle.tree.files.values())):,} bytes"


def manifest_read(bundle: Bundle) -> str:
    """The manifest is there, in the one form it can have, and of a known format."""
    manifest = bundle.manifest
    return f"{manifest.name} {manifest.version}, {manifest.format}"


def files_complete(bundle: Bundle) -> str:
    """No listed file is missing and none is there that is not listed."""
    listed = set(bundle.manifest.files) | UNLISTED
    found = set(bundle.tree.files)
    for path in sorted(listed - found):
        raise ArtifactError(f"{path!r} is missing", place=bundle.place(path), hint=_AGAIN)
    needed = {str(parent) for path in listed for parent in PurePosixPath(path).parents}
    for path in sorted(found - listed) + sorted(bundle.tree.folders - needed):
        raise ArtifactError(
            f"{path!r} is not in the manifest", place=bundle.place(path), hint=f"remove it, or {_AGAIN}"
        )
    for path in sorted(REQUIRED - listed):
        raise ArtifactError(f"the manifest does not list {path!r}", place=bundle.place(MANIFEST), hint=_AGAIN)
    return f"{len(found)} of {len(listed)}"


def digests_match(bundle: Bundle) -> str:
    """Every listed file has the bytes that the manifest says."""
    for path, expected in bundle.manifest.files.items():
        found = digest(bundle.file(path))
        if found != expected:
            raise ArtifactError(
                f"{path!r} was changed: its SHA-256 is {found[:12]}…, the manifest says {expected[:12]}…",
                place=bundle.place(path),
                hint=_AGAIN,
            )
    return f"{len(bundle.manifest.files)} SHA-256 digests"


def attestation_read(bundle: Bundle) -> str:
    """Every line of the attestation is a DSSE envelope in the one form it can have."""
    return f"{len(bundle.envelopes)} DSSE envelope{'s' if len(bundle.envelopes) > 1 else ''}"


def signed_by_trusted_key(bundle: Bundle) -> str:
    """A trusted key made the author's signature. Without trusted keys there is nothing to rest on."""
    place = bundle.place(ATTESTATION)
    if not bundle.trusted:
        raise ArtifactError(
            "no key is trusted, so no signature can count",
            place=place,
            hint="put the author's .pub file into ~/.config/ingot/trusted/, or name it with --key or INGOT_TRUSTED_KEYS",
        )
    try:
        found = dsse.signers(bundle.envelopes[0], bundle.trusted)
    except ArtifactError as refusal:
        raise ArtifactError(refusal.message, place=f"{place}:1", hint=_AGAIN) from None
    if not found:
        named = ", ".join(repr(key[:12]) for key in _authors(bundle))
        raise ArtifactError(
            f"signed by {named}, which is none of the {len(bundle.trusted)} trusted keys",
            place=f"{place}:1",
            hint="if you know the author, put their .pub file into ~/.config/ingot/trusted/",
        )
    return ", ".join(key[:12] for key in found)


def subject_is_manifest(bundle: Bundle) -> str:
    """What was signed is a compile statement about exactly this manifest."""
    found = statement.subject_digest(bundle.statement)
    if found != bundle.digest:
        raise ArtifactError(
            f"the signature is for {(found or 'something else')[:12]}…, this manifest is {bundle.digest[:12]}…",
            place=bundle.place(ATTESTATION),
            hint=_AGAIN,
        )
    return bundle.digest


def materials_agree(bundle: Bundle) -> str:
    """Spec, cases, library files, author, requests and previous version are those that the statement names."""
    place = bundle.place(ATTESTATION)
    found = _materials(bundle)
    signed = bundle.statement["predicate"]["materials"]
    for one in found:
        if not isinstance(signed, list) or one not in signed:
            raise ArtifactError(f"{one['name']!r} is not the one that was signed for", place=place, hint=_UNTRUE)
    if signed != found:
        raise ArtifactError("the signed list of materials is not that of the files", place=place, hint=_UNTRUE)
    signed_for = bundle.statement["predicate"]
    if signed_for["spec"] != bundle.manifest.spec:
        raise ArtifactError("the spec signed for is not that of the manifest", place=place, hint=_UNTRUE)
    if not signed_for["cases"] == bundle.manifest.cases == digest(bundle.file(GIVEN) + bundle.file(HELD_OUT)):
        raise ArtifactError("the cases signed for are not those of the files", place=place, hint=_UNTRUE)
    return f"{len(found)} materials"


def verdicts_passed(bundle: Bundle) -> str:
    """All four stages ran in order and passed, and the evidence says what was signed."""
    place = bundle.place("evidence/verdicts.json")
    verdicts = bundle.statement["predicate"]["verdicts"]
    if readable_json(verdicts) != bundle.file("evidence/verdicts.json"):
        raise ArtifactError("the verdicts are not those that were signed", place=place, hint=_UNTRUE)
    rows = verdicts if isinstance(verdicts, list) else []
    stages = tuple(row.get("stage") if isinstance(row, dict) else None for row in rows)
    if stages != STAGE_ORDER:
        raise ArtifactError(f"the stages are {stages!r}, not {STAGE_ORDER!r}", place=place, hint=_UNTRUE)
    for row in rows:
        if row.get("passed") is not True or _errors(row):
            raise ArtifactError(f"the stage {row['stage']!r} did not pass", place=place, hint=_UNTRUE)
    return ", ".join(STAGE_ORDER)


def program_holds_logic(bundle: Bundle) -> str:
    """program.py is the program signed for, and holds logic.py at its place."""
    place = bundle.place("program.py")
    part = bundle.manifest.program
    if not digest(bundle.file("program.py")) == part.digest == bundle.statement["predicate"]["program"]:
        raise ArtifactError("program.py is not the program that was signed for", place=place, hint=_UNTRUE)
    logic = bundle.file("logic.py")
    lines = bundle.file("program.py").split(b"\n", max(part.logic_offset, 0))
    body = logic if logic.endswith(b"\n") else logic + b"\n"
    if part.logic_offset < 0 or len(lines) != part.logic_offset + 1 or not lines[-1].startswith(body):
        raise ArtifactError(
            f"program.py does not hold logic.py after line {part.logic_offset}", place=place, hint=_UNTRUE
        )
    return f"logic.py stands at line {part.logic_offset + 1}"


def approvals_hold(bundle: Bundle) -> str:
    """Every approval is for this artifact and by another key than the author's; one is needed where asked for."""
    counted, unknown = _approvals(bundle)
    if bundle.require_approval and not counted:
        more = f" ({unknown} by keys that are not trusted)" if unknown else ""
        raise ArtifactError(
            f"no trusted person but the author has approved this artifact{more}",
            place=bundle.place(ATTESTATION),
            hint="ask another person to run: ingot approve ARTIFACT --as NAME; then trust their .pub file",
        )
    names = ", ".join(one.name for one in counted) or "none"
    return f"{names}; {unknown} not counted (key not trusted)" if unknown else names


class Step(NamedTuple):
    """A name for people, and a check that returns what it saw or raises ArtifactError."""

    name: str
    check: Callable[[Bundle], str]


STEPS: tuple[Step, ...] = (
    Step("plain directory", plain_directory),
    Step("manifest", manifest_read),
    Step("files complete", files_complete),
    Step("digests", digests_match),
    Step("attestation", attestation_read),
    Step("trusted signature", signed_by_trusted_key),
    Step("subject", subject_is_manifest),
    Step("materials", materials_agree),
    Step("verdicts", verdicts_passed),
    Step("program", program_holds_logic),
    Step("approvals", approvals_hold),
)


# ---- parts of steps ----------------------------------------------------------------------------------------------


def _authors(bundle: Bundle) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.key_id for one in bundle.envelopes[0].signatures))


def _materials(bundle: Bundle) -> list[dict[str, Any]]:
    path = "evidence/provenance.json"
    bundle.file(path)
    try:
        statement.materials({one: content for one, content in bundle.tree.files.items() if one != DIFFERENCE})
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        words = "the provenance does not say who wrote the candidate"
        raise ArtifactError(words, place=bundle.place(path), hint=_UNTRUE) from None
    try:
        return statement.materials(bundle.tree.files)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        path, words = DIFFERENCE, "the evidence does not say which version was compared with"
        raise ArtifactError(words, place=bundle.place(path), hint=_UNTRUE) from None


def _errors(row: Mapping[str, Any]) -> bool:
    findings = row.get("findings")
    if not isinstance(findings, list):
        return True
    return any(not isinstance(one, dict) or one.get("severity") != "warning" for one in findings)


def _approvals(bundle: Bundle) -> tuple[tuple[Approval, ...], int]:
    """The approvals by trusted keys, and how many there are by others."""
    authors = _authors(bundle)
    seen: dict[str, Approval] = {}
    counted: list[Approval] = []
    for number, envelope in enumerate(bundle.envelopes[1:], start=2):
        place = f"{bundle.place(ATTESTATION)}:{number}"
        hint = "remove this line, and let the person approve again"
        try:
            known = dsse.signers(envelope, bundle.trusted)
            body, approval = statement.read_approval(envelope.payload)
        except RecursionError:
            raise ArtifactError("the approval is nested too deeply", place=place, hint=hint) from None
        except (ArtifactError, ValueError) as error:
            words = error.message if isinstance(error, ArtifactError) else str(error)
            raise ArtifactError(words, place=place, hint=hint) from None
        if statement.subject_digest(body) != bundle.digest:
            raise ArtifactError(f"{approval.name!r} approved another artifact", place=place, hint=hint)
        if [one.key_id for one in envelope.signatures] != [approval.key]:
            raise ArtifactError(f"the approval of {approval.name!r} names another key", place=place, hint=hint)
        if approval.key in authors:
            raise ArtifactError(f"{approval.name!r} approved with the author's own key", place=place, hint=hint)
        if approval.key in seen:
            raise ArtifactError(f"{approval.name!r} approved twice", place=place, hint=hint)
        seen[approval.key] = approval
        counted += [approval] if known else []
    return tuple(counted), len(seen) - len(counted)
