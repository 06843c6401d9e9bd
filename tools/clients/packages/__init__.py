"""The main path of each package under in_memory()."""
