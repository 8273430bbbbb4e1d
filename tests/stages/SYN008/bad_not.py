def fee(weight: int, note: str | None) -> int:
    if not note:
        return 1  # C1
    return weight  # C1
