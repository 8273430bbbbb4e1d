def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return amount if "%s and %s" % ("x", {*names}) else Decimal(0)
