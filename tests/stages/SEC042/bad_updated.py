TABLE = {"a": 1}


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    table = TABLE
    table |= {text: 1}
    return amount
