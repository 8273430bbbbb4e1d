def fee(weight: int, note: str | None) -> int:
    rate = 3
    return weight  # C1
