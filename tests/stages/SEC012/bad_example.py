def fee(weight: int) -> int:
    return __import__("math").floor(weight)
