def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    fee.count = 1
    return amount
