"""The gates before and after a model: what a text holds that must not go in, and what a reply holds that must not get out.

Pure functions on text. Input: personal data (`find_personal`, `redact`, `restore`) and prompt injection
(`find_injection`). Output: canaries, leaked instructions and the schema (`check_reply`).
"""

from __future__ import annotations

from ingot.gates.canary import canary, find_canary, with_canary
from ingot.gates.found import BLOCKS_FROM, MAX_TEXT, Found
from ingot.gates.injection import Source, find_injection
from ingot.gates.injection_rules import RULES as _INPUT_RULES
from ingot.gates.leakage import find_leaks
from ingot.gates.personal import KINDS, find_personal
from ingot.gates.redaction import Redacted, redact, restore
from ingot.gates.reply import REPLY_RULES, Checked, check_reply
from ingot.verdict import Rule

RULES: tuple[Rule, ...] = (*_INPUT_RULES, *REPLY_RULES)

__all__ = [
    "BLOCKS_FROM", "KINDS", "MAX_TEXT", "RULES", "Checked", "Found", "Redacted", "Source", "canary", "check_reply",
    "find_canary", "find_injection", "find_leaks", "find_personal", "redact", "restore", "with_canary",
]  # fmt: skip
