def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    pattern = "a"
    match text:
        case pattern:
            return Decimal(1) if re.search(pattern, names[0]) else amount
