def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return Decimal(1 if re.match(r"(?:\d{3},)*\d{3}$", text) else 0)
