def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    _, rest = text.partition(" ")[0], text.replace("__", "_")
    return Decimal(len(rest))
