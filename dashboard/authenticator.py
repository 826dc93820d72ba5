"""streamlit-authenticator, without what its import says: it asks for the session state before there is a server, and
Streamlit warns at each asking. Whoever starts the product would read that before the address to open.
"""

from __future__ import annotations

import logging

_before = logging.root.manager.disable
logging.disable(logging.WARNING)
try:
    from streamlit_authenticator import Authenticate  # type: ignore[import-untyped]
    from streamlit_authenticator.controllers import (  # type: ignore[import-untyped]
        AuthenticationController,
    )
finally:
    logging.disable(_before)

__all__ = ["Authenticate", "AuthenticationController"]
