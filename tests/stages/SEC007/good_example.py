RATE = 3


def fee(weight: int) -> int:
    return weight * RATE
