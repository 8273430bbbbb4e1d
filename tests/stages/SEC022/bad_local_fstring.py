def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return amount if f"{day:%x}" else Decimal(0)
