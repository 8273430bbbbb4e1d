SEEN = [""]


def charge(days: int, amount: Decimal, tags: list[str], note: str | None) -> ChargeOutput:
    list(map(SEEN.append, ["x"]))
    return {"fee": amount, "notes": [str(len(SEEN))]}
