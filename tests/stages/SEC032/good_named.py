MANY = 100


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    size = 40
    rule = "-" * size + "=" * 2 * 3
    total = sum(one * two for one in range(MANY) for two in range(MANY))
    for one in weights:
        total = total * one + one * one
        rule = rule * int(one > 3)
    shown = "%d of 12000 rows that came before the end and %5.2f" % (total, 1) + "{:>10,.2f}".format(total) + f"{day:%Y-%m}"
    return Decimal(len(rule + shown) + pow(2, 10))
