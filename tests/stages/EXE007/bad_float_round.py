def charge(days: int, amount: Decimal, tags: list[str], note: str | None) -> ChargeOutput:
    share = round(float(amount) * 1.115, 2)
    return {"fee": Decimal(str(share)), "notes": tags}
