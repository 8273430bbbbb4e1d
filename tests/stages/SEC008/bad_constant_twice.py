PATTERN = "(x+x+)+y"
FOUND = re.compile(PATTERN)
PATTERN = "x"


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return Decimal(1) if FOUND.search(text) else amount
