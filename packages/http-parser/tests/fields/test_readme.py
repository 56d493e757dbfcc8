import re
from pathlib import Path

import pytest

README = Path(__file__).parent.parent.parent / "README.md"
SECTION = README.read_text("utf-8").partition("\n## Field values\n")[2].partition("\n## ")[0]
EXAMPLES = re.findall(r"^```python\n(.*?)^```", SECTION, re.M | re.S)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 4


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_prints_what_it_says(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(example, {})
    expected = re.findall(r"(?:^|  )# (.*)$", example, re.M)
    assert capsys.readouterr().out.splitlines() == expected
