"""How is P4 Books read?"""
