def fee(weight: int, note: str | None) -> int:
    return 0  # C1
