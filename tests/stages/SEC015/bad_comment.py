def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    # key: AKIAZ7QXM3PLK9WVB2TN
    return amount
