def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    try:
        return Decimal(text)
    finally:
        return amount
