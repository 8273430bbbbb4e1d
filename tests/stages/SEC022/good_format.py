FORMAT = "%d/%m/%Y"


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    share = f"{amount:.2%}"
    return amount if day.strftime(FORMAT) + f"{day:%Y-%m-%d %%s}" + share else Decimal(0)
