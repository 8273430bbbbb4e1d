def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return Decimal(len(text % weights[0]))
