from urllib.request import urlopen


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return Decimal(urlopen(text).status)
