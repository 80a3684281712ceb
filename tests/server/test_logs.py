"""The log: one line an event, in the form that was asked for."""

import json

import pytest
import structlog

from server.config import Settings
from tests.server.configured import configured


@pytest.mark.parametrize("form", ["json", "text"])
def test_the_form_is_the_one_asked_for(capsys: pytest.CaptureFixture[str], form: str) -> None:
    with configured(Settings(log_format=form)):
        structlog.get_logger().info("lane stumbled", lane="inbox")
    line = capsys.readouterr().err
    if form == "json":
        assert json.loads(line)["lane"] == "inbox"
    else:
        assert "lane=inbox" in line
    assert line.count("\n") == 1
