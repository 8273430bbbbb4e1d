def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    def size(name: str) -> int:
        return len(name)

    longer = lambda name: size(name) > 2
    found = sorted(filter(longer, names), key=size)
    found.sort(key=lambda name: name[0])
    shown = re.sub(r"\d", lambda match: match.group() * 2, text)
    return Decimal(max(map(size, found), key=lambda one: -one, default=0) + len(shown))
