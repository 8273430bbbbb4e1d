def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    opened = text == "open"
    return Decimal(opened)
