import math


def fee(weight: int) -> int:
    return math.floor(weight)
