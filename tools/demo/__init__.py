"""The client at work against a real server: `python -m tools.demo [--quick]`."""
