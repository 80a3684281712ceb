"""The log: one line an event, in the form that was asked for."""

import json

import pytest
import structlog

from server import logs
from server.config import Settings


@pytest.mark.parametrize("form", ["json", "text"])
def test_the_form_is_the_one_asked_for(capsys: pytest.CaptureFixture[str], form: str) -> None:
    logs.configure(Settings(log_format=form))
    try:
        structlog.get_logger().info("lane stumbled", lane="inbox")
    finally:
        structlog.reset_defaults()
    line = capsys.readouterr().err
    if form == "json":
        assert json.loads(line)["lane"] == "inbox"
    else:
        assert "lane=inbox" in line
    assert line.count("\n") == 1
