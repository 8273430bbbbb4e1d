def fee(weight: int, note: str | None):
    return weight  # C1
