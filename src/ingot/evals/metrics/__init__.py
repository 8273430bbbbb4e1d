"""Seven categories of figures, each a pure function of logs: its docstring has the formula, the unit and the source.

tokens · latency · consistency · reliability · code_quality · validation · security_cost
"""
