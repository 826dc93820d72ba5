"""What a run of a page has to say leaves at once.

Streamlit binds its listening socket with protocol 0, and asyncio turns Nagle's algorithm off only for sockets that
say protocol TCP (``asyncio.base_events._set_nodelay``). So the third small message of each run waited for the
browser's acknowledgement of the second, which browsers delay by 40 ms: every click took that much longer.

And it looks for messages every 5 ms (``streamlit.runtime.runtime_util``): the word that a run begins leaves by itself,
and all that is drawn in the 4 ms after it waits for the next look.
"""

from __future__ import annotations

import gc
import socket

from streamlit.runtime import runtime

_INTERNET = {socket.AF_INET, socket.AF_INET6}


def look_at_once() -> None:
    """Let Streamlit send each message when it is there; what waits to be sent wakes its loop, so nothing spins."""
    vars(runtime)["MESSAGE_FLUSH_INTERVAL_SECS"] = 0.0


def send_at_once() -> None:
    """Turn Nagle's algorithm off on the sockets of this process; what a listening one accepts inherits it.

    The server keeps its socket to itself, so it is looked for among all objects; once, at start.
    """
    for thing in gc.get_objects():
        if type(thing) is socket.socket and _is_tcp(thing):
            thing.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _is_tcp(found: socket.socket) -> bool:
    return found.fileno() >= 0 and found.family in _INTERNET and found.type == socket.SOCK_STREAM
