def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return Decimal(1) if re.match(r"\w+", text, 2) or re.match(r"\d+", text, *[re.I]) else amount
