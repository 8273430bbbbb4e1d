def judge(age: int) -> JudgeOutput:
    return {"covered": age >= 18, "wait": age < 18}
