import re
from decimal import Decimal


def fee(weight: int, note: str | None) -> int:
    return weight + int(Decimal(len(re.findall("a", "a"))))  # C1
