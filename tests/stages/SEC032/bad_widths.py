WIDE = "%999999999d"


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    one = "%*d" % (10**9, 1)
    two = "%999999999d and so on, a text that is longer than forty characters" % 1
    three = "{:999999999} and so on, a text that is longer than forty characters".format(1)
    four = f"{amount:000000000000000000000000000000000000000000000999999999}"
    five = text.expandtabs(tabsize=10**9)
    return Decimal(len(one + two + three + four + five + WIDE % 1))
