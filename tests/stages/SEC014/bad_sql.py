import sqlite3


def fee(text: str, names: list[str], weights: list[int], amount: Decimal, day: date) -> Decimal:
    cursor = sqlite3.connect(text).cursor()
    return cursor.execute(f"SELECT {text}").fetchone()
