def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    shared = {"a": 1}.keys() & set(names)
    return Decimal("".join(shared))
