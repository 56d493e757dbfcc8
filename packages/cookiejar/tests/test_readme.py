import re
from pathlib import Path
from typing import Any

import pytest

from whimbrel_cookiejar import CookieJar

README = Path(__file__).parent.parent / "README.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.M | re.S)


def test_the_examples_print_what_they_say(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Some write files.
    monkeypatch.chdir(tmp_path)
    assert len(EXAMPLES) >= 9
    namespace: dict[str, Any] = {}
    for example in EXAMPLES:
        exec(example, namespace)
        printed = capsys.readouterr().out.splitlines()
        for comment in re.findall(r"^print\(.*\)  # (.*)$", example, re.M):
            assert comment.partition(": for")[0] in printed


def test_the_format_of_a_file_is_the_one_that_is_shown() -> None:
    [shown] = re.findall(r"^```json\n(.*?)^```", README.read_text("utf-8"), re.M | re.S)
    jar = CookieJar()
    assert jar.loads(shown, now=1_800_000_000.0) == []
    assert jar.dumps(now=1_800_000_000.0) == shown
