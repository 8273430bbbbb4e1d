def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    step = 0
    while step < 10:
        step += 1
    return amount * step
