"""How do answers become rows of the warehouse?"""
