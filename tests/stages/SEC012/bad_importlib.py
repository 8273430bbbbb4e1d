import importlib


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return importlib.import_module(text).rate
