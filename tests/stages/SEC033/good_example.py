def fee(text: str) -> int:
    return 1 if re.match(r"^\w+$", text) else 0
