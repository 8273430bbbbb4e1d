def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return amount if datetime.strptime(text, "%H:%M %Z") else Decimal(0)
