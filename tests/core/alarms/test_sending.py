"""One message to one address, and a code when it does not get there."""

from __future__ import annotations

import logging
import socket

import pytest

from core.alarms import sending
from core.i18n import language
from tests.support.receivers import Hook, Mailbox, mail_server, web_hook


def test_a_hook_gets_title_and_text(hook: Hook) -> None:
    assert sending.send(hook.address(), "Reconnect needed", "Bakker *B.V.*\n<b>") == ""

    [message] = hook.received
    assert (message["title"], message["message"]) == ("Reconnect needed", "Bakker *B.V.*\n<b>")


def test_a_mail_is_plain_text_to_one_person(mailbox: Mailbox) -> None:
    address = mailbox.address.replace("{email}", "alice%2Balarms%40clickker.test")

    assert sending.send(address, "Herstel vereist", "Café Zoë") == ""

    [mail] = mailbox.received
    assert mailbox.recipients == ["alice+alarms@clickker.test"]
    assert mail.get_content_type() == "text/plain"
    assert (mail["Subject"], mail.get_content().strip()) == ("Herstel vereist", "Café Zoë")


def test_a_title_of_two_lines_adds_no_header_to_a_mail(mailbox: Mailbox) -> None:
    address = mailbox.address.replace("{email}", "alice%40clickker.test")

    assert sending.send(address, "Bakker\r\nBcc: mallory@example.com\r\n\r\nHello", "text") == ""

    [mail] = mailbox.received
    assert mail["Bcc"] is None
    assert mailbox.recipients == ["alice@clickker.test"]


def test_teams_gets_links_that_work_and_names_that_mean_nothing() -> None:
    text = "Let op: [klik](http://evil.test) *B.V.*\n\n- Jansen_Zn: http://localhost:8501/registration?id=7"

    assert sending.as_markdown(text) == (
        r"Let op: \[klik\](http://evil.test) \*B.V.\*" + "\n\n"
        r"- Jansen\_Zn: [http://localhost:8501/registration?id=7](http://localhost:8501/registration?id=7)"
    )


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("workflows://host.example/workflow/signature/", r"a \*b\*"),
        ("json://host.example", "a *b*"),
        ("mailto://host.example?from=a@b.nl&to=c@d.nl", "a *b*"),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV", "a *b*"),
    ],
)
def test_only_who_knows_nothing_else_gets_markdown(
    monkeypatch: pytest.MonkeyPatch, address: str, text: str
) -> None:
    sent: list[str] = []

    def notify(self: object, *, body: str, **_: object) -> bool:
        sent.append(body)
        return True

    monkeypatch.setattr("apprise.Apprise.notify", notify)
    assert sending.send(address, "title", "a *b*") == ""
    assert sent == [text]


@pytest.mark.parametrize(("status", "code"), [(404, "http_404"), (500, "http_500"), (302, "http_302")])
def test_an_answer_that_is_no_success_is_a_code(hook: Hook, status: int, code: str) -> None:
    hook.status = status

    assert sending.send(hook.address(), "title", "text") == code
    assert str(status) in sending.error_sentence(code)


def test_a_mail_server_that_refuses_is_a_code(mailbox: Mailbox) -> None:
    mailbox.refuses = "550 no such user"

    assert (
        sending.send(mailbox.address.replace("{email}", "x%40clickker.test"), "title", "text") == "smtp_550"
    )


def test_nobody_listening_is_a_code() -> None:
    with web_hook() as gone, mail_server() as gone_too:
        addresses = [gone.address(), gone_too.address.replace("{email}", "a%40clickker.test")]

    assert [sending.send(address, "title", "text") for address in addresses] == ["unreachable", "unreachable"]


def test_a_server_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "DEADLINE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"json://127.0.0.1:{silent.getsockname()[1]}/hook?rto=0.5"
        assert sending.send(address, "title", "text") == "late"


@pytest.mark.parametrize("address", ["", "nonsense", "nonsense://host", "json://", "json://a, json://b"])
def test_what_is_no_address_is_a_code_and_not_an_error(address: str) -> None:
    assert not sending.is_readable(address)


def test_an_error_of_the_library_does_not_get_out(monkeypatch: pytest.MonkeyPatch, hook: Hook) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(hook.address())

    monkeypatch.setattr(sending, "_sent", broken)
    assert sending.send(hook.address(), "title", "text") == "refused"


@pytest.mark.parametrize("language_code", ["en", "nl"])
def test_every_code_has_a_sentence(language_code: str) -> None:
    with language(language_code):
        for code in (
            "unreachable",
            "late",
            "refused",
            "unreadable",
            "http_404",
            "smtp_550",
            "",
            "unheard_of",
        ):
            assert sending.error_sentence(code).endswith(".")


def test_nothing_of_an_address_is_logged(
    hook: Hook, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for status in (200, 404):
        hook.status = status
        sending.send(hook.address("canary-path").replace("json://", "json://user:canary-word@"), "t", "b")
    sending.send("json://user:canary-word@127.0.0.1:1/canary-path", "t", "b")
    sending.is_readable("nonsense://canary-word@host")
    sending.is_readable("slack://canary-word/x")

    said = capfd.readouterr()
    assert "canary" not in caplog.text + said.out + said.err
