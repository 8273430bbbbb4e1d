def fee(text: str) -> int:
    return 1 if re.search(r"total\s*x", text) else 0
