def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    asserted = "assert"
    return Decimal(len(asserted))
