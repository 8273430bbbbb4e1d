PATTERN = re.compile(r"^(?:[a-z]+\s?)+$")


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return Decimal(len(PATTERN.findall(text)))
