"""Systems that answer items: the same model, the same cases, the same scorer, every token counted.

    SOLVERS[name] ─▶ Solver.prepare(task) ─▶ Prepared.answer(input) ─▶ Answer

`prepare` is what happens once (for a compiled system: the compile), `answer` what happens for each transaction.
"""

from ingot.evals.solvers.solver import Answer, Generation, Prepared, Solver, StageRow

__all__ = ["Answer", "Generation", "Prepared", "Solver", "StageRow"]
