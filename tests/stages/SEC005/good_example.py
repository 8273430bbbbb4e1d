def fee(weight: int) -> int:
    return abs(weight)
