def fee(weight: int) -> int:
    length = weight
    return length
