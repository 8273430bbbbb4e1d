def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    step = 0
    while step < 10:
        amount += 1
    return amount
