def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return Decimal(1 if re.search(re.escape(text) + r"\d", text) else 0)
