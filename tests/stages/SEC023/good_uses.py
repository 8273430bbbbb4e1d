def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    kinds = set(names)
    if text in kinds and len(kinds) > 1:
        return Decimal(sorted(kinds)[0])
    return Decimal(max(kinds)) + sum(1 for kind in kinds if kind)
