"""Logs as a report: text for a terminal, Markdown, and one HTML page that loads nothing.

logs ─▶ tables.py (figures by category and solver) ─▶ text.py · markdown.py · page.py (with plots.py)
"""
