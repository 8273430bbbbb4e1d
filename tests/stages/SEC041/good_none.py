def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    def add(seen: list[int] | None = None) -> int:
        return 0 if seen is None else len(seen)

    return Decimal(add())
