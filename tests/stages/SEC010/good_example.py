def fee(weight: int) -> int:
    return int(isinstance(weight, int))
