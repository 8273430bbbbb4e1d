def fee(name: str) -> str:
    return "fee of " + name
