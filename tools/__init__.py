"""Workspace commands: checks, releases, builds, benches, fuzz targets, demo.

`hatch run` starts them; CONTRIBUTING.md says what each is for. No package imports them.
"""
