def charge(bags: list[BagsItem], home: Home) -> ChargeOutput:
    found: list[HeavyItem] = [{"weight": bag["weight"], "tag": bag["tag"]} for bag in bags if bag["weight"] > 50]
    return {"heavy": found, "fee": Decimal("30.00") * len(found), "note": home["zip"]}
