def judge(age: int) -> Literal['APPROVE', 'DENY']:
    return "APPROVE" if age >= 18 else "DENY"
