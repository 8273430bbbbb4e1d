X = 0


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    global X
    X = 1
    return amount
