def add_up(amount: Decimal) -> Decimal:
    return amount
