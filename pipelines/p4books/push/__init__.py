"""How are records created, each exactly once?"""
