def fee(weight: int, note: str | None) -> int:
    return weight + sum(range(60))  # C1
