KINDS = (
    r"(?:enterprise|trading|restaurant|supermarket|hardware|pharmacy|stationery|bakery|hotel|"
    r"services|station|kitchen|catering|bookstore|marketing|industries|electrical|gallery|"
    r"holdings|corporation|emporium|minimarket|workshop|laundry|florist|boutique|clinic|"
    r"dental|optical|printing|publishing|transport|logistics|furniture|aquarium|nursery|[a-z]{1,7})+!"
)


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return Decimal(1 if re.search(KINDS, text) else 0)
