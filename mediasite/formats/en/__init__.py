"""How English dates are written."""
