def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    found = [*names, *(str(weight) for weight in weights)]
    found.sort()
    found[0] = text
    kept = {name: weights for name in names}
    kept["a"] = []
    heaviest = max(weights)
    heaviest += 1
    pairs = sorted(zip(names, weights))
    pairs.append((text, heaviest))
    return amount + len(pairs) + len(kept)
