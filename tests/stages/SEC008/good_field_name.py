def fee(text: str) -> Decimal:
    total = Decimal(len(text))
    return total
