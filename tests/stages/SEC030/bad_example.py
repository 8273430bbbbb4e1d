def fee(weight: int) -> int:
    return 1 if weight < 1 else weight * fee(weight - 1)
