def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    parts = ["a"]
    parts.append(text)
    words = {"b": "c"}
    words["b"] = text
    for part in parts:
        if re.search(part, names[0]) or re.search(words["b"], names[0]):
            return Decimal(1)
    return Decimal(1) if re.search("|".join(parts), text) else amount
