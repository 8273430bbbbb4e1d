def evaluate_coverage(has_t2d_diagnosis: bool, bmi: float, has_step_therapy_failure: bool) -> Literal['APPROVE', 'DENY']:
    if has_t2d_diagnosis:  # C1
        return "APPROVE"
    if bmi >= 30 and has_step_therapy_failure:  # C2
        return "APPROVE"
    return "DENY"  # C3
