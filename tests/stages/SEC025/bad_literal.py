def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return amount if amount > 1.5 else Decimal(0)
