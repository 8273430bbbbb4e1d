FLAGS = re.I | re.M


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return Decimal(1) if re.match(r"^(?:ab|AB)+$", text, FLAGS) else amount
