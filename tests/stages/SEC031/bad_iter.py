def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    first = list(iter(*(str, "x")))
    second = list(map(iter, [str], ["x"]))
    return Decimal(len(first) + len(second))
