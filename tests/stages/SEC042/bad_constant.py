CACHE: dict[str, Decimal] = {}


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    CACHE[text] = amount
    return amount
