def fee(weight: int) -> int:
    return weight // 2
