def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    salt = "q7Zr1LmX0vTb94KdPw8sYhUc3NfE6aGj"
    return Decimal(len(salt))
