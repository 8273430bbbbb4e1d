def set_price(grams: int, express: bool) -> int:
    price = 499 if grams <= 2000 else 849 if grams <= 10000 else 1649  # C1, C2
    if express:
        return price + 600  # C3
    return price  # C1, C2
