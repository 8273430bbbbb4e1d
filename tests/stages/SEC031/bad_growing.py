def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    for name in names:
        names.append(name)
    return amount
