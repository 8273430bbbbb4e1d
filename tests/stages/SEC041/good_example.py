def fee(weight: int) -> int:
    def seen(total: tuple[int, ...] = ()) -> int:
        return len(total)
    return seen() + weight
