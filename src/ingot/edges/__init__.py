"""The ways in from outside: each takes transactions from somewhere and runs a loaded workflow on them.

sources.py   rows of JSON Lines, CSV and Parquet files, chunk by chunk, from any row on
chunks.py    one chunk of rows through a workflow: outcomes, refused rows, audit records
batch.py     a file through all cores, with a journal: killed at any point, it goes on and loses and doubles nothing
"""
