def fee(text: str) -> int:
    return 1 if re.search(r"total\s*\s*\s*x", text) else 0
