def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    def seen() -> set[str]:
        return {name.strip() for name in names}

    return Decimal(list(seen())[0])
