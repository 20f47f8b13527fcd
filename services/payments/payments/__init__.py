"""Money that is held, taken and returned."""
