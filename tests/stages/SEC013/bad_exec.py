def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    exec(text)
    return amount
