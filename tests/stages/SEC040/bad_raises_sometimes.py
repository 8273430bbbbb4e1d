def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    try:
        return Decimal(text)
    except Exception:
        if amount > 99:
            raise
        return amount
