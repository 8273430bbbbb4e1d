def charge(days: int, amount: Decimal, tags: list[str], note: str | None) -> ChargeOutput:
    notes = sorted(tags)
    try:
        said = Decimal(note or "0")
    except ArithmeticError:
        said = Decimal(0)
    if not said.is_finite():
        return {"fee": Decimal("0.00"), "notes": notes}
    return {"fee": Decimal(int(said) % 7), "notes": notes}
