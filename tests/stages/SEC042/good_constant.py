RULES = {"a": ["x"], "b": ["y"]}
SIZES = {"x": 1}


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    rows = list(RULES["a"])
    rows.append(text)
    found = [rule for rules in RULES.values() for rule in rules if rule in text]
    found.sort()
    best = max(SIZES.values(), default=0)
    best += SIZES.get(text, 1)
    for word, size in SIZES.items():
        best += size + len(word)
    kept = {**RULES}
    kept["c"] = rows
    return amount + best + len(found) + len(kept)
