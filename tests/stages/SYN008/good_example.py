def fee(weight: int, note: str | None) -> int:
    return 1 if note is not None else weight  # C1
