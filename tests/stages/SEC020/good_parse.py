def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return Decimal((day - date(2024, 1, 1)).days + datetime.strptime(text, "%Y-%m-%d").year)
