def charge(days: int, amount: Decimal, tags: list[str], note: str | None) -> ChargeOutput:
    fee = amount / days
    return {"fee": fee.quantize(Decimal("0.01")), "notes": tags}
