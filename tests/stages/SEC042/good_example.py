def fee(weights: list[int]) -> int:
    ordered = sorted(weights)
    return ordered[0]
