def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    found = list(names)
    same = found
    for number, name in enumerate(found):
        found.append(name)
    for name in found:
        same.append(name)
    more = [found.append(name) for name in found]
    found.extend(name for name in found)
    found += map(str, found)
    last = list(map(found.append, found))
    return Decimal(len(more) + len(last))
