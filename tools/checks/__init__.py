"""What `hatch run lint` checks besides ruff and import-linter; `python -m tools.checks` runs all.

Each check is a function of the workspace's root that returns one line per finding.
"""
