def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    url = "postgres://app:s3cr3t@db.example/fees"
    return Decimal(len(url))
