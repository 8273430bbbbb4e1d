import math


def fee(weight: int) -> int:
    return math.factorial(min(weight, 20))
