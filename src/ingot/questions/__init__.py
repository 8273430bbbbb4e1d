"""What a spec leaves open: every ambiguity or gap that can be found in it, each with a proposed reading.

    Spec ─▶ fields   nulls, units, time zones, fields that nothing reads
         ─▶ rules    branches and tables: gaps, overlaps, outcomes that nothing leads to
         ─▶ words    boundaries, rounding, vague terms, the clock
         ─▶ cases    missing, contradictory and repeated cases
         ─▶ Question, …

Nothing is guessed: a question is asked where the spec itself shows the gap, and a witness is an input that was tried.
"""

from __future__ import annotations

from ingot.questions.cases import Contradiction, check_cases
from ingot.questions.find import check_answers, find_questions
from ingot.questions.question import Question

__all__ = ["Contradiction", "Question", "check_answers", "check_cases", "find_questions"]
