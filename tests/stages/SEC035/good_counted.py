PATTERNS = ((r"\btotal\b", "total"), (r"\btax\b", "tax"))


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    for number, (pattern, name) in enumerate(PATTERNS):
        if re.search(pattern, text):
            return Decimal(len(name) + number)
    for pattern_two in reversed((r"\bfee\b", r"\bsum\b")):
        if re.search(pattern_two, text):
            return Decimal(1)
    return amount
