"""Where each fuzz target begins: short inputs that reach its different parts."""
