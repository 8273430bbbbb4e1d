def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return Decimal(1) if text is names[0] or text.strip() is not text else amount
