def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    total = 0
    while one := 1:
        total += one
    return Decimal(total)
