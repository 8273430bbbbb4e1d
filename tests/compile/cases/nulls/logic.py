def judge(age: int, height: int) -> Literal['S', 'L']:
    return "L" if age >= 18 else "S"


def name_it(weight: Decimal | None) -> str:
    return "none" if weight is None else "some"
