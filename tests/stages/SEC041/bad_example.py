def fee(weight: int) -> int:
    def seen(total: list[int] = []) -> int:
        return len(total)
    return seen() + weight
