TABLE = {0: 1, 1: 2}


def fee(weight: int, note: str | None) -> int:
    return TABLE.get(weight, weight)  # C1
