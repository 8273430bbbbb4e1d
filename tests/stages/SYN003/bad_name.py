def fee(mass: int, note: str | None) -> int:
    return mass  # C1
