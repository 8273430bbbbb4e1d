"""Consistency: the same input, many times, and how many different answers come.

`ingot bench consistency` runs an artifact so often, each time in a fresh process with another hash seed, or with a solver asks a
model so often, each time with another seed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from ingot.evals.metrics.measure import Measure, share


def consistency(outputs: Sequence[bytes]) -> list[Measure]:
    """All figures of this category, of the canonical bytes of N answers to one input."""
    return [entropy(outputs), exact_match(outputs)]


def entropy(outputs: Sequence[bytes]) -> Measure:
    """H = -sum p_i log2 p_i over the shares p_i of the distinct answers; 0 where all are the same. Unit: bits.
    Source: arXiv 2604.05150, consistency ("output entropy over N runs"); Shannon 1948.

    It is biased downwards for few answers (Miller 1955); the largest that N answers can show is log2 N.
    """
    n = len(outputs)
    if n == 0:
        return Measure("entropy", None, "bits", 0, note="nothing was run")
    shares = [count / n for count in Counter(outputs).values()]
    value = -sum(one * math.log2(one) for one in shares)
    return Measure("entropy", abs(value), "bits", n, note=f"{len(shares)} distinct, at most {math.log2(n):.2f} bits")


def exact_match(outputs: Sequence[bytes]) -> Measure:
    """Answers equal to the most frequent one, byte for byte / answers. Unit: share.
    Source: arXiv 2604.05150, consistency ("exact-match rate")."""
    most = Counter(outputs).most_common(1)[0][1] if outputs else 0
    return share("exact match", most, len(outputs))
