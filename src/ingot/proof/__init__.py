"""What the cases are worth and what can be proved of a program, beyond what its cases show."""
