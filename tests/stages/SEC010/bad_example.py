def fee(weight: int) -> int:
    return len(weight.__class__.__mro__)
