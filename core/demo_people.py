"""Who signs in to the demo. The password stands here for everybody: a real installation must not know it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from core.accounts.passwords import verify_password
from core.accounts.roles import Role
from core.storage import schema
from core.storage.database import Database
from core.storage.models import Operator

PASSWORD = "practice makes perfect"  # noqa: S105 - printed for everybody; the demo alone has it


@dataclass(frozen=True)
class DemoOperator:
    """Somebody to sign in as."""

    email: str
    name: str
    role: Role


OPERATORS = (
    DemoOperator("support@demo.example", "Sanne de Boer", Role.SUPPORT),
    DemoOperator("manager@demo.example", "Mark Visser", Role.ACCOUNT_MANAGER),
    DemoOperator("admin@demo.example", "Aisha Yılmaz", Role.ADMIN),
)


def has_demo_password(database: Database) -> bool:
    """Whether anybody can sign in here with the password of the demo: nobody else could have chosen it."""
    if schema.current_revision(database) is None:
        return False
    asked = select(Operator.password_hash).where(
        Operator.email.in_([one.email for one in OPERATORS]),
        Operator.password_hash.is_not(None),
        Operator.active,
    )
    with database.read() as session:
        return any(verify_password(PASSWORD, stored) for stored in session.scalars(asked))
