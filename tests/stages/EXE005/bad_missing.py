def charge(days: int, amount: Decimal, tags: list[str], note: str | None) -> ChargeOutput:
    return {"fee": amount}
