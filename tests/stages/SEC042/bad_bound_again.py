SEEN = [""]


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    seen = [""]
    seen = SEEN
    seen.append(text)
    return amount
