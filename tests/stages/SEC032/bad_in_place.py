def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    bits, power, line = 1, 10, "a"
    line = "b"
    bits <<= 100_000_000
    power **= 100_000_000
    line *= 10**9
    long = "a" * 99_999 * 99_999
    return Decimal(bits + power + len(line) + len(long) + pow(10, 100_000_000))
