RATES: dict[str, Decimal] = {"gold": Decimal("1.5")}
FACTOR = 24 * 60
NAMES = frozenset({"a", "b"})
START = date(2024, 1, 1)
PATTERN = re.compile(r"\d+", re.IGNORECASE)


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return RATES["gold"] * FACTOR
