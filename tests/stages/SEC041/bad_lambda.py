def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    add = lambda value, seen={}: len(seen)
    return Decimal(add(1))
