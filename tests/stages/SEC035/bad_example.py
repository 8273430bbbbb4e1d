def fee(text: str, pattern: str) -> int:
    return len(re.findall(pattern, text))
