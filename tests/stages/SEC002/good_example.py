STEPS = (1, 3)


def fee(weight: int) -> int:
    return weight
