def fee(names: list[str]) -> str:
    return ", ".join(set(names))
