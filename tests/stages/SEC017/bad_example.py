def fee(name: str) -> str:
    return "SELECT fee FROM fees WHERE name = '" + name + "'"
