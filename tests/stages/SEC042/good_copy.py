def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    mine = list(names)
    mine.append("x")
    weights = sorted(weights)
    weights.append(1)
    found: dict[str, int] = {}
    found[text] = 1
    return Decimal(len(mine) + len(weights) + len(found))
