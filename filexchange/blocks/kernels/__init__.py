"""What is done with the elements of one block: NumPy alone, without files."""
