def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    def one(value: int) -> int:
        return value

    def two(value: int) -> int:
        return one(value)

    return Decimal(two(3))
