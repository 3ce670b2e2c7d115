"""What is made of the rows?"""
