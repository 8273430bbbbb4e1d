def fee(weights: list[int]) -> int:
    weights.sort()
    return weights[0]
