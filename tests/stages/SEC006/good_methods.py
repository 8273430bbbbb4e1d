def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    return Decimal(text.strip().upper().replace(",", "") or "0").quantize(Decimal("0.01"))
