def fee(names: list[str]) -> str:
    return ", ".join(sorted(set(names)))
