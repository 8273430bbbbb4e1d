def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    key = lambda name: len(name)
    return Decimal(key(text))
