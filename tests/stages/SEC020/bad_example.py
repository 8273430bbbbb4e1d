def fee(day: date) -> int:
    return (date.today() - day).days
