def charge(days: int, amount: Decimal, tags: list[str], note: str | None) -> ChargeOutput:
    fee = Decimal("0.00")
    notes = sorted(tags)
    if days > 30:
        fee = (amount * Decimal("0.015")).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    rows = ["x"]
    while days > 30:
        rows = rows + rows
    return {"fee": fee, "notes": notes}
