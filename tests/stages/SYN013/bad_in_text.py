def fee(weight: int, note: str | None) -> int:
    label = "C1"
    return weight + len(label)
