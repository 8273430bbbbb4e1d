def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    steps = []
    steps.append(lambda left: list(map(lambda step: list(map(step, [left])), steps)))
    return Decimal(len(list(map(lambda step: list(map(step, [1])), steps))))
