TABLE = {"a": [""]}


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    TABLE.copy()["a"].append(text)
    return amount
