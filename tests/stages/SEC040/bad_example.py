def fee(text: str) -> int:
    try:
        return int(text)
    except Exception:
        return 0
