"""The command line program; `whimbrel.cli` is its entry point."""
