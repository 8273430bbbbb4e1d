"""How a step says that it will not guess."""

from __future__ import annotations


class NeedsReview(Exception):
    """A person must decide: not an error, the way a step says that it will not guess."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(reason)
        self.step = step
        self.reason = reason
