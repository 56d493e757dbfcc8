"""Does anything reach into another package's underscore names?

Each package's sources and tests may use that package's private modules; everything else, the
tools and the integration tests included, uses public names. import-linter knows modules only, so
this check also sees `from sibling import _name` and `sibling.module._name`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tools.workspace import load_members

__all__ = ["check_private_names"]


def check_private_names(root: Path) -> list[str]:
    """Return a line for each use of a private name of a package from outside that package."""
    members = load_members(root)
    modules = frozenset(member.module for member in members)
    places = [(member.folder, modules - {member.module}) for member in members]
    places += [(root / "tools", modules), (root / "tests-integration", modules)]
    findings = []
    for folder, foreign in places:
        for path in sorted(folder.rglob("*.py")):
            tree = ast.parse(path.read_bytes(), filename=str(path))
            findings += [
                f"{path.relative_to(root)}:{line}: {name} is private to its package"
                for line, name in sorted(_Reaches(foreign).found_in(tree))
            ]
    return findings


class _Reaches(ast.NodeVisitor):
    """Finds the private names of the packages `foreign` that a module uses."""

    def __init__(self, foreign: frozenset[str]) -> None:
        self._foreign = foreign
        self._found: set[tuple[int, str]] = set()
        self._bound: dict[str, str] = {}
        """Local name -> what of a foreign package it was imported as."""

    def found_in(self, tree: ast.Module) -> set[tuple[int, str]]:
        """Return (line, dotted name) of each use in `tree`."""
        # Imports anywhere in the file first: an attribute may be used above a local import's line.
        for node in ast.walk(tree):
            for local, name in self._imports(node):
                self._bound[local] = name
                self._note(node, name)
        self.visit(tree)
        return self._found

    def _imports(self, node: ast.AST) -> Iterator[tuple[str, str]]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if self._is_foreign(alias.name):
                    self._note(node, alias.name)
                    top = alias.name.partition(".")[0]
                    yield (alias.asname, alias.name) if alias.asname else (top, top)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert node.module is not None  # only a relative import may lack the module
            if self._is_foreign(node.module):
                for alias in node.names:
                    yield alias.asname or alias.name, f"{node.module}.{alias.name}"

    def visit_Attribute(self, node: ast.Attribute) -> None:
        name = self._dotted(node)
        if name is not None:
            self._note(node, name)
        else:
            self.generic_visit(node)

    def _dotted(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            return self._bound.get(node.id)
        if isinstance(node, ast.Attribute):
            base = self._dotted(node.value)
            return None if base is None else f"{base}.{node.attr}"
        return None

    def _is_foreign(self, module: str) -> bool:
        return module.partition(".")[0] in self._foreign

    def _note(self, node: ast.AST, name: str) -> None:
        if any(part.startswith("_") and not part.startswith("__") for part in name.split(".")):
            line: int = getattr(node, "lineno", 0)
            self._found.add((line, name))
