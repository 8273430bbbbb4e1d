KINDS = (Exception,)


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    kinds = Exception
    try:
        return Decimal(text)
    except KINDS:
        pass
    try:
        return Decimal(text)
    except kinds:
        return amount
