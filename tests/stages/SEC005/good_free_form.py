def fee(rows: dict[str, object], amount: Decimal) -> Decimal:
    return amount if rows else Decimal(0)
