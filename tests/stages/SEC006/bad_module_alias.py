def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    found = re
    return Decimal(1) if found.search(text, names[0]) else amount
