from datetime import date as day_type


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return Decimal(day_type.today().year)
