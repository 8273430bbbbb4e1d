def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    first, *rest = set(names)
    return Decimal(first)
