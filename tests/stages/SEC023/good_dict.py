def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    found = dict.fromkeys(names)
    return Decimal("".join(found))
