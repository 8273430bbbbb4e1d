def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    try:
        return Decimal(text)
    except Exception as error:
        raise ValueError("text must be a number") from error
