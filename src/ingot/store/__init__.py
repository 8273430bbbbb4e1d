"""Where runs, their audit log and the reviews that wait for a person are kept: SQLite, or PostgreSQL by URL.

keys.py      the secret that keys input digests, seals sensitive values and stamps the audit log
masks.py     what of a value may be written in the clear, by its fields' labels
tables.py    the tables; migrations/ makes them
database.py  an engine for a URL, migrated; one writer at a time
audit.py     the append-only, hash-chained log: append, read, verify, prune, export
runs.py      run a workflow so that every run is in the log before its outcome is given
redactions.py what the tokens stand for that a model saw in place of personal data
retention.py what is older than a day goes, wherever it is kept
reviews.py   what waits for a person; a decision resumes its run exactly once
elsewhere.py runs that something else drives: recorded once, however often it tells of them
"""
