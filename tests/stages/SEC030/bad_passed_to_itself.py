def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    def again(go, left: int) -> int:
        return sum(map(go, [go], [left - 1]))

    return Decimal(again(again, 3))
