def fee(weight: int) -> int:
    rаte = 3
    return weight * rаte
