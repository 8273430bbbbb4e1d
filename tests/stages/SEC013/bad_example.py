def fee(text: str) -> int:
    return eval(text)
