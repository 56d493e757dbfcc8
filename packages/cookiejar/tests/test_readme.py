import re
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parent.parent / "README.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.M | re.S)


def test_the_examples_print_what_they_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(EXAMPLES) >= 7
    namespace: dict[str, Any] = {}
    for example in EXAMPLES:
        exec(example, namespace)
        printed = capsys.readouterr().out.splitlines()
        for comment in re.findall(r"^print\(.*\)  # (.*)$", example, re.M):
            assert comment.partition(": for")[0] in printed
