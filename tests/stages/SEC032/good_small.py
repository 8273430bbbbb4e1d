def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return Decimal(10**6 + len("-" * 40) + sum(range(100))) + Decimal(f"{amount:>12.2f}")
