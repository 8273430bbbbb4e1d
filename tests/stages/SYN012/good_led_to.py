def fee(weight: int, note: str | None) -> int:
    if note is not None:
        weight = weight + 1
    elif weight < 0:
        weight = 0
    return weight  # C1
