def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    shown = list(map(format, weights, names))
    return Decimal(len(shown)) + len(format(*[amount, text]))
