ONE = (r"\bfee\b", r"due")
TWO = (r"total \d+",)


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    found = [value for pattern in ONE + TWO for value in re.findall(pattern, text)]
    return Decimal(len(found))
