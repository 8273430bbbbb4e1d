from itertools import count


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    for step in count():
        amount += step
    return amount
