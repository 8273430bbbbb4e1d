def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    shown = f"{(name for name in names)}" + str(map(str, names)) + repr(lambda: 0)
    return Decimal(len(shown))
