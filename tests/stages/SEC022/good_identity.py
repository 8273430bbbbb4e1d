def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return Decimal(1) if text is None or (amount > 1) is True else amount
