def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    def note(box: list[str]) -> None:
        box.append(text)

    note(names)
    pair = (weights, 1)
    pair[0].append(1)
    for box in [weights]:
        box.sort()
    return amount
