def charge(days: int, amount: Decimal, tags: list[str], note: str | None) -> ChargeOutput:
    return {"fee": float(amount) * 0.5, "notes": tags}
