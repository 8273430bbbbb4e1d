def fee(name: str) -> int:
    return hash(name) % 7
