def fee(note: str | None, weight: int) -> int:
    return weight  # C1
