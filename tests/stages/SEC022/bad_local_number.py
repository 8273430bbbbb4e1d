def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return amount if f"{len(names):>12n}" else Decimal(0)
