API_KEY = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"


def fee(weight: int) -> int:
    return weight
