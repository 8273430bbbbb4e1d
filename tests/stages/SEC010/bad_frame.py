def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return (amount for _ in weights).gi_frame.f_back.f_globals
