def fee(weight: int) -> int:
    for step in range(10):
        weight += step
    return weight
