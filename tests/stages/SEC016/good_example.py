def fee(weight: int) -> int:
    rate = 3
    return weight * rate
