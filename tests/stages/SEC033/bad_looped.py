def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    for pattern in (r"\d+", r"(x+x+)+y"):
        if re.search(pattern, text):
            return amount
    return Decimal(0)
