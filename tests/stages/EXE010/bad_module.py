import statistics


def charge(days: int, amount: Decimal, tags: list[str], note: str | None) -> ChargeOutput:
    fee = Decimal(statistics.median([1, 3]))
    return {"fee": fee, "notes": tags}
