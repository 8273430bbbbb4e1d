def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return Decimal(len(list(map(re.compile, ["(a+)+$"]))))
