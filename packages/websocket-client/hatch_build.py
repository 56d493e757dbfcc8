"""Compiles modules of the package with mypyc, when a wheel is built where that is possible.

Which ones says pyproject.toml: `modules` in `[tool.hatch.build.targets.wheel.hooks.custom]`. Every
package that compiles some has this file, the same in each, since its sdist must have it.

The environment variable `WHIMBREL_COMPILE` decides:

- `0`: never; the wheel is pure.
- `1`: always; the build fails where it cannot be done. An editable install gets its extension
  modules inside `src`, where they hide later edits of the sources until they are deleted.
- `auto`, or unset: a wheel is compiled when there is a C compiler and pure, with a warning, when
  there is none. An editable install is pure.

The same sources run both ways; nothing but the speed differs.
"""

# mypy: disable-error-code="import-not-found, misc"
# Hatchling is there when a wheel is built, and not where the workspace is type-checked.

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MYPY = "mypy>=2.4,<3"
MODES = ("0", "1", "auto")


class CompilationError(Exception):
    """The modules could not be compiled."""


class CompileHook(BuildHookInterface[Any]):
    """Adds the compiled modules to a wheel, beside the sources they were made from."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for mypy, and what it must see to check the sources, only where it is used."""
        if not compiles(editable=asked_for_editable()):
            return []
        # Not the siblings: they may be on no index yet, or be what this is built for. What is
        # compiled does without their types.
        others = [d for d in self.metadata.core.dependencies if not d.startswith("whimbrel")]
        return [MYPY, "setuptools>=77", *others]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, if this build is to."""
        editable = version == "editable"
        if not compiles(editable=editable):
            if mode() == "auto" and not editable:
                self._warn("no C compiler was found")
            return
        try:
            lib = self._compile()
        except CompilationError as error:
            if mode() == "1":
                raise
            self._warn(str(error))
            return
        for built in sorted(lib.rglob("*")):
            if built.suffix not in (".so", ".pyd"):
                continue
            relative = built.relative_to(lib)
            if editable:
                shutil.copy2(built, Path(self.root) / "src" / relative)
            else:
                build_data["force_include"][str(built)] = relative.as_posix()
        if not editable:
            build_data["pure_python"] = False
            build_data["infer_tag"] = True

    @property
    def _package(self) -> str:
        """The folder in `src`, which has the name to import."""
        (package,) = self.build_config.packages
        return Path(package).name

    def _warn(self, why: str) -> None:
        self.app.display_warning(
            f"{self._package} is built without compiled modules: the same, but slower: {why}"
        )

    def _compile(self) -> Path:
        """Run mypyc in a process of its own, since it ends the one it fails in."""
        build = Path(self.root) / "build" / f"mypyc-{sys.implementation.cache_tag}"
        # What an earlier build left of a module that is no longer compiled must not be shipped.
        shutil.rmtree(build, ignore_errors=True)
        build.mkdir(parents=True)
        # An empty --config-file keeps mypy from a configuration further up. Whether the types are
        # right is not the question here, nor what the modules say that are not compiled: `hatch run
        # types` asks that, where everything is installed that they import. With the group name the
        # shared library lies inside the package.
        arguments = ["--config-file=", f"--cache-dir={build / 'cache'}"]
        arguments += ["--follow-imports=silent", "--ignore-missing-imports"]
        arguments += [f"{self._package}/{module}.py" for module in self.config["modules"]]
        script = build / "setup.py"
        script.write_text(
            "from mypyc.build import mypycify\n"
            "from setuptools import setup\n"
            f"modules = mypycify({arguments!r},\n"
            f"    group_name={self._package + '._native'!r}, target_dir={str(build / 'c')!r})\n"
            f"setup(name={self._package!r}, packages=[], ext_modules=modules)\n",
            encoding="utf-8",
        )
        lib = build / "lib"
        command = [sys.executable, str(script), "-q", "build_ext", "--build-lib", str(lib)]
        command += ["--build-temp", str(build / "temp")]
        result = subprocess.run(  # noqa: S603 -- this Python, with a script of our own
            command, cwd=Path(self.root) / "src", capture_output=True, text=True, check=False
        )
        if result.returncode:
            output = (result.stdout + result.stderr)[-8000:]
            raise CompilationError(f"mypyc or the C compiler failed:\n{output}")
        return lib


def mode() -> str:
    """Return what `WHIMBREL_COMPILE` says."""
    value = os.environ.get("WHIMBREL_COMPILE") or "auto"
    if value not in MODES:
        raise ValueError(f"WHIMBREL_COMPILE is {value!r}; expected one of {MODES}")
    return value


def compiles(*, editable: bool) -> bool:
    """Tell whether this build is to compile."""
    if mode() != "auto":
        return mode() == "1"
    return not editable and sys.implementation.name == "cpython" and has_compiler()


def asked_for_editable() -> bool:
    """Tell whether a front end asks what an editable install needs.

    Hatchling asks a hook the same for wheels and for editable installs, so that only its callers
    show the difference. Where this guess fails, mypy is installed for nothing.
    """
    frame = sys._getframe()
    caller = frame.f_back
    while caller is not None and caller.f_code.co_name != "get_requires_for_build_editable":
        caller = caller.f_back
    return caller is not None


def has_compiler() -> bool:
    """Tell whether the C compiler that this Python wants, or `CC` names, is there."""
    if sys.platform == "win32":
        return True  # setuptools finds MSVC by itself, in places no PATH names
    command = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    words = shlex.split(command)
    return bool(words) and shutil.which(words[0]) is not None
