def fee(weight: int) -> int:
    len = weight
    return len
