from itertools import count


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return sum((Decimal(index) for index, _ in zip(count(1), names)), Decimal(0))
