import itertools


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    total = sum(1 for _ in range(10**6) for _ in range(10**6))
    rows = itertools.product(range(1000), range(1000), range(1000))
    return Decimal(total + len(list(rows)) + int(Decimal((0, (1,), 999_999_999))))
