def fee(weight: int, note: str | None) -> int:
    if weight > 3:
        return weight  # C1
