def fee(weight: int, note: str | None) -> int:
    return weight  # C1


def other() -> int:
    return 1
