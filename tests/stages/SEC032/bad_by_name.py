import itertools

MANY = 10**12


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    size = 10**10
    long = "a" * size
    more = sum(1 for _ in range(MANY))
    return Decimal(len(long) + more + sum(range(*[MANY])) + sum(itertools.islice(itertools.count(), MANY)))
