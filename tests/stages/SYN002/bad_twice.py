def fee(weight: int, note: str | None) -> int:
    return weight  # C1


def fee(weight: int, note: str | None) -> int:
    return 2  # C1
