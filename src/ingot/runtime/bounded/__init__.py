"""A model call inside a workflow that can do nothing but give values of its schema, or not be made.

asking.py    the question that a model is asked, its reply, and the clock that runs against it
ledger.py    what a run has spent and may still spend; every call of it, for the audit record
material.py  untrusted text as material: inside a block that it cannot close, personal data taken out and put back
reading.py   a reply's text as values of the schema, or what is wrong with it in words that hold none of it
answers.py   valid answers kept for the same question
tuned.py     the prompt of a step where the compile tuned it
step.py      the step: the chain of models, functions and a person, with retries
hybrid.py    a step that trusts functions as far as they were right before, and asks for the rest
"""

from __future__ import annotations

from ingot.runtime.bounded.answers import Answers
from ingot.runtime.bounded.asking import AskModel, Question, Reply
from ingot.runtime.bounded.ledger import Call, Ledger, Redactions, run_ledger, spending

__all__ = ["Answers", "AskModel", "Call", "Ledger", "Question", "Redactions", "Reply", "run_ledger", "spending"]
