from collections import Counter
from itertools import groupby


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return amount * len(Counter(names)) + len(list(groupby(names)))
