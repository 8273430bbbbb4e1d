def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return sum((Decimal(len(name)) for name in names), Decimal(0)) + max(weights, default=0)
