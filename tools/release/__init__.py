"""`hatch run release`: a package's next version and changelog entry; the check of all ranges."""
