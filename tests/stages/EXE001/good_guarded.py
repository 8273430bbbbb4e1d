def charge(days: int, amount: Decimal, tags: list[str], note: str | None) -> ChargeOutput:
    fee = amount / max(days, 1)
    return {"fee": fee.quantize(Decimal("0.01")), "notes": tags}
