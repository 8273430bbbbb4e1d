def charge(days: int, amount: Decimal, tags: list[str], note: str | None) -> ChargeOutput:
    notes = tags
    notes.append("charged")
    return {"fee": amount, "notes": notes}
