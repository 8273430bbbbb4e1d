def fee(weight: int) -> int:
    if weight <= 0:
        raise ValueError("weight must be positive")
    return weight
