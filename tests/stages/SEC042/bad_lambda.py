SEEN = [""]


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    list(map(lambda box: box.append(text), [SEEN]))
    return amount
