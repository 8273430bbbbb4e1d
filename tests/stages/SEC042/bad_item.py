def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    weights[0] = 1
    return amount
