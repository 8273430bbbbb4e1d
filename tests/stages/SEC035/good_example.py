def fee(text: str) -> int:
    return len(re.findall(r"\d+", text))
