def fee(amount: Decimal) -> Decimal:
    return amount * Decimal("1.1")
