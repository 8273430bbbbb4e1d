def fee(weight: int, note: str | None) -> int:
    calls = [lambda: n for n in range(3)]
    for n in range(3):
        calls.append(lambda: n)
    return weight + len(calls)  # C1
