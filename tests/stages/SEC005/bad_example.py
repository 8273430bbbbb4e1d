def fee(weight: int) -> int:
    print(weight)
    return weight
