SEEN = [""]


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    def note(box: list[str]) -> None:
        box.append(text)
    
    note(SEEN)
    return amount
