print_me = sorted([3, 1])


def fee(weight: int) -> int:
    return weight
