def fee(weight: int) -> int:
    assert weight > 0
    return weight
