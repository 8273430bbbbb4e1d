def fee(weight: int, note: str | None = None) -> int:
    return weight  # C1
