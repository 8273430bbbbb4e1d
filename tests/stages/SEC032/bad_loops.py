def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    for one in range(10_000):
        for two in range(10_000):
            amount += one * two
    return amount
