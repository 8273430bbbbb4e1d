"""What a compiled rule does, read back from its code: never by a model, and the same for the same code.

    logic.py ─ citations ─▶ which clauses each line cites ─ receipts ─▶ what is uncited, what is unused
             ─ paths ─────▶ rows: conditions, outputs, line, clauses ─▶ decision tables, the table for people
             ─ sentences ─▶ plain sentences, expression by expression from ``words``  ─ render ─▶ text, HTML, JSON

Pure `ast`; imports nothing above spec, fields and program, so that the artifact's page can show it.
"""
