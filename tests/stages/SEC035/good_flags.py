FLAGS = re.I | re.M


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    flags = re.I if amount else re.M
    found = re.search(r"\d+", text, flags) or re.search(r"\w+", text, FLAGS)
    words = {"b": "c"}
    other: dict[str, str] = {}
    other["b"] = text
    return Decimal(1) if found or re.search(words["b"], text) else amount
