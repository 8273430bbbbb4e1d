import os


def fee(text: str) -> int:
    return os.system(text)
