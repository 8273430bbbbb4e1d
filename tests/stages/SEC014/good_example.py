def fee(text: str) -> int:
    return len(text)
