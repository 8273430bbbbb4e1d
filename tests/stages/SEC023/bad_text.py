def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    seen = set(names)
    return Decimal(len(f"{seen}"))
