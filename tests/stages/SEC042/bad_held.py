SEEN = [""]


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    pair = (SEEN, 1)
    pair[0].append(text)
    for box in [SEEN]:
        box.append(text)
    return amount
