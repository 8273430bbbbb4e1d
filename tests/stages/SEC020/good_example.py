def fee(day: date, today: date) -> int:
    return (today - day).days
