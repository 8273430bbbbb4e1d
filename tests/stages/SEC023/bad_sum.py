def fee(names: list[str]) -> float:
    return sum(float(name) for name in set(names))
