def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    db_password = "hunter22"
    return Decimal(len(db_password))
