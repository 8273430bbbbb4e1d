def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return Decimal(1 if re.match(r"^(?:\w+\.)+\w+$|(?:\d+%[,\s]*)+", text) else 0)
