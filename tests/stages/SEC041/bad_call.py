def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    def add(seen: dict[str, int] = dict()) -> int:
        return len(seen)

    return Decimal(add())
