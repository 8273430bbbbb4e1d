SEEN = [""]


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    kept: list[list[str]] = []
    for box in [kept]:
        box.append(SEEN)
    kept[0].append(text)
    return amount
