def fee(text: str, weight: int) -> str:
    return f"{text}: {weight}"
