def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    def half(value: Decimal) -> Decimal:
        return value / 2

    return half(amount)
