def fee(name: str) -> int:
    return len(name.strip())
