def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    kinds = set(names)
    for kind in kinds:
        return Decimal(len(kind))
    return amount
