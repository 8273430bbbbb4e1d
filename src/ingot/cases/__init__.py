"""Cases as text: suggested ones written for a person to answer, answered ones taken into a spec."""
