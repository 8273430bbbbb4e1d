def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    reader = open
    return Decimal(len(names))
