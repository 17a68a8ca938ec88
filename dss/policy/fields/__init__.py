"""
The body fields of the API as data: one row a field, and what follows from the rows.
"""
