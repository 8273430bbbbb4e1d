def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    down = lambda value: down(value - 1)
    return Decimal(down(3))
