def fee(text: str, weight: int) -> str:
    return text.format(weight)
