def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    shown = f"{len(names):,d}" + format(amount, ".2f") + "{:>5}n {:%Y}n".format(text, day)
    return amount if datetime.strptime(text, "%H:%M %z") and shown else Decimal(0)
