def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    def first() -> int:
        return 0
    
    for first in (len, abs):
        first(text)
    return amount
