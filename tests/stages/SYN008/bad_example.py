def fee(weight: int, note: str | None) -> int:
    return 1 if note else weight  # C1
