def fee(weight: int, note: str | None) -> int:
    return weight
