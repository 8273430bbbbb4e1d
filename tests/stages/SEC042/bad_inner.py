def fee(rows: list[dict[str, int]]) -> Decimal:
    for row in rows:
        row["fee"] = 1
    return Decimal(0)
