import itertools


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    found = list(names)
    for name in list(found):
        found.append(name)
    for name in names:
        found.extend(name.split())
    found += [name for name in found if name]
    found.extend(found)
    total = sum(one for one, _ in zip(itertools.count(), found)) + sum(itertools.islice(itertools.count(), 9))
    while part := text.find("x", total):
        total += part
    return Decimal(total + len(list(iter(found))))
