def fee(weight: int, note: str | None) -> int:
    # C7 says so
    return weight  # C1
