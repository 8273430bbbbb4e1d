def fee(weight: int, note: str | None) -> int:
    # C1: nothing weighs less than nothing
    if weight < 0:
        raise ValueError(weight)
    # C1
    return weight
