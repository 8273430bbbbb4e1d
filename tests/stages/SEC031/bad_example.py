def fee(weight: int) -> int:
    while True:
        weight += 1
    return weight
