def fee(weight: int, note: str | None) -> int:
    if note is None:
        return 0  # C1
    return 1 if note else weight  # C1
