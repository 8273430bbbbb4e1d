import random


def fee(weight: int) -> int:
    return random.randint(0, weight)
