def fee(amount: Decimal) -> Decimal:
    return round(amount, 2)
