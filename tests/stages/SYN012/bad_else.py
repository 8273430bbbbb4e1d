def fee(weight: int, note: str | None) -> int:
    if note is not None:
        weight = weight + 1
    else:
        raise ValueError(weight)
    return weight  # C1
