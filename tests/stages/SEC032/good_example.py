def fee(weight: int) -> int:
    return weight % 10**9
