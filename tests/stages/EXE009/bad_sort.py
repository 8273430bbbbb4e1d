def charge(days: int, amount: Decimal, tags: list[str], note: str | None) -> ChargeOutput:
    tags.sort()
    return {"fee": amount, "notes": tags}
