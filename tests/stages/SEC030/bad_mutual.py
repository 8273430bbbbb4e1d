def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    def odd(value: int) -> bool:
        return even(value - 1)

    def even(value: int) -> bool:
        return odd(value - 1)

    return Decimal(odd(3))
