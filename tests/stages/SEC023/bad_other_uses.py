import collections
import itertools


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    found = []
    found += set(names)
    found[0:0] = set(names)
    first = next(itertools.islice(set(names), 1))
    kept = collections.deque(set(names))
    return Decimal(len("{}".format(set(names)) + first + found[0] + kept[0]))
