def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    for number, pattern in enumerate(names):
        if re.search(pattern, text):
            return Decimal(number)
    return amount
