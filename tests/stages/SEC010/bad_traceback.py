def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError as error:
        return error.__traceback__.tb_frame.f_builtins
