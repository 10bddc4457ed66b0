"""The ground floor: frozen values and the rules of this product. Standard library only, no I/O, no clock."""
