def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return sum((Decimal(each) for each in weights), Decimal(0))
