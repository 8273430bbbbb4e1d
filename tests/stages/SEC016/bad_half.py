def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return Decimal(1) if "\ud800" in text else amount
