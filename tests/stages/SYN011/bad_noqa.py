def fee(weight: int, note: str | None) -> int:
    rate = 3  # noqa: F841
    return weight  # C1
