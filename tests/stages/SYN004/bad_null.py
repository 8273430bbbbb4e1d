def fee(weight: int, note: str | None) -> int:
    return len(note)  # C1
