def fee(weight: float, note: str | None) -> int:
    return int(weight)  # C1
