def charge(days: int, amount: Decimal, tags: list[str], note: str | None) -> ChargeOutput:
    return {"fee": Decimal(abs(hash(note or "")) % 100), "notes": tags}
