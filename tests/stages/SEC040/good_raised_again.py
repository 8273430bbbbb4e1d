def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    total = amount
    try:
        total += Decimal(text)
    except (ValueError, ArithmeticError):
        total = amount
    except Exception:
        if amount > 99:
            raise ValueError("too much") from None
        else:
            raise
    finally:
        for name in names:
            if name:
                break
    return total
