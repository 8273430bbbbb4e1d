def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    for sum in weights:
        amount += sum
    return amount
