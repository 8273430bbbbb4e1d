def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return Decimal(1 if re.search(r"(a?){30}a{30}", text) else 0)
