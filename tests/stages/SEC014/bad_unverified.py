import jwt


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return jwt.decode(text, options={"verify_signature": False})
