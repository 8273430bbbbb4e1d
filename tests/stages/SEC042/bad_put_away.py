SEEN = [""]


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    kept: dict[str, list[str]] = {}
    kept.setdefault("a", SEEN)
    kept["a"].append(text)
    return amount
