def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return Decimal(len(().__class__.__bases__[0].__subclasses__()))
