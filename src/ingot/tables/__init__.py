"""Decision tables: read, typed, checked and written as code, with no model anywhere.

YAML rows, csv_text, dmn ─▶ spec.Table ─▶ parse   cell text → cells.Cell / cells.Expression
                                        ─▶ table   Step → DecisionTable: every cell typed, or row and column
                                        ─▶ coverage  gaps, overlaps, dead rows, with witnesses
                                        ─▶ source  DecisionTable → a Python function, a clause for each row
compiled: the three above for the table steps of a spec
"""
