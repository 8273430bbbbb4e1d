def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    mine = names
    mine.append("x")
    return amount
