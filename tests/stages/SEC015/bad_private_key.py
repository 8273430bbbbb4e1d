def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    header = "-----BEGIN RSA PRIVATE KEY-----"
    return Decimal(len(header))
