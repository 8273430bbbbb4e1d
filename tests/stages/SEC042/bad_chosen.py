SEEN = [""]


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    seen = [] if amount > 0 else SEEN
    seen.append(text)
    return amount
