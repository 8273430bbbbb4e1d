def fee(text: str) -> int:
    return int(text)
