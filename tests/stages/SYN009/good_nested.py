def fee(weight: int, note: str | None) -> int:
    def half(value: int) -> int:
        return value // 2

    return half(weight)  # C1
