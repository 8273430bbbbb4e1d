def fee(weight: int) -> int:
    return weight % 10**100_000_000
