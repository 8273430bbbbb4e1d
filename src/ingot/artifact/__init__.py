"""The artifact: a signed directory that holds a program and the evidence for it.

Contents ─ layout ─▶ files ─ manifest ─▶ manifest.json ─ statement ─▶ sign ─▶ attestation.intoto.jsonl
                                                                                    │
   Verified ◀── STEPS (numbered, the first refusal ends it) ◀── read once ◀── directory (write: whole or absent)

layout.py     Contents, and the files made from them (pure)
evidence.py   findings as SARIF, what a run needs as CycloneDX
report.py     the page for people (page.html, page.css; listing.py numbers its lines)
manifest.py   the list of files and digests; its own digest is the artifact's
statement.py  what is claimed: in-toto statements of a compile and of an approval
dsse.py       the envelope around a statement
sign.py       keys: made, read, trusted
durable.py    files that are whole or absent
write.py      a new artifact
read.py       a directory's bytes, read once and without following links
verify.py     the numbered steps
approve.py    a second person's signature
"""
