def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    read = date.today
    return amount
