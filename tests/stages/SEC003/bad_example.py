def fee(weight: int) -> int:
    table = [abs]
    return table[0](weight)
