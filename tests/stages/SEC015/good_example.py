API_VERSION = "2024-10-01"


def fee(weight: int) -> int:
    return weight
