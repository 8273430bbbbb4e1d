def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return (lambda g: g(g))(lambda g: g)
