def fee(weight: int, note: str | None) -> int:
    if weight > 9:  # C1
        raise ValueError(weight)
    return weight  # C1
