"""The e-mail to a customer about a message of Exact Online, ready to be sent."""

from __future__ import annotations

from dataclasses import dataclass

from core.exact.diagnosis import Diagnosis
from core.exact.rules import Reconnect
from core.i18n import _, language


@dataclass(frozen=True)
class Mail:
    """Plain text. Links are left to whoever sends it: a link for a customer is made for one customer, once."""

    subject: str
    body: str


def customer_mail(diagnosis: Diagnosis, code: str, customer: str = "", sender: str = "") -> Mail:
    """The e-mail in the language ``code``; what is not known stands in square brackets."""
    with language(code):
        name = customer or _("[name of the customer]")
        subject = _(diagnosis.rule.subject).format(customer=name)
        return Mail(subject, "\n\n".join(_paragraphs(diagnosis, name, sender or _("[your name]"))))


def _paragraphs(diagnosis: Diagnosis, customer: str, sender: str) -> list[str]:
    rule = diagnosis.rule
    lines = [
        _("Hello,"),
        _("This is about the connection of {customer} with Exact Online.").format(customer=customer),
        _(rule.say),
    ]
    if rule.ask:
        lines.append(_(rule.ask))
    if rule.click_path:
        lines.append(_("In Exact Online you click:") + f"\n{rule.click_path}")
    if rule.reconnect is Reconnect.YES:
        step = _(
            "Connecting again takes a few minutes: open the link below, log in at Exact Online, choose the "
            "administrations and press Toestaan (Allow)."
        )
        lines.append(f"{step}\n" + _("[paste the link for the customer here]"))
    lines.append(_("If you have a question, just reply to this e-mail."))
    lines.append(_("Kind regards,") + f"\n{sender}\nClickker")
    return lines
