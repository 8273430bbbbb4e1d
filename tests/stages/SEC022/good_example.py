def fee(name: str) -> int:
    return sum(ord(letter) for letter in name) % 7
