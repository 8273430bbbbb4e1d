def fee(weight: int, note: str | None) -> int:
    return len(note or "")  # C1
