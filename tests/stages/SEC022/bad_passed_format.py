def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    shown = list(map(day.strftime, names))
    read = list(map(datetime.strptime, names, names))
    return Decimal(len(shown) + len(read))
