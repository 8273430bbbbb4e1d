SEEN = [""]


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    match SEEN:
        case [*_] as seen:
            seen.append(text)
    return amount
