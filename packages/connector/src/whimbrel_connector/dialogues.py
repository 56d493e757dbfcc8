"""The dialogues with proxies, without I/O, for who carries them out over a stream of their own.

Send `opening`, then whatever `receive_data` returns for what comes, until the dialogue is
`finished`; tell `receive_eof` of an end. Then the tunnel is `accepted`, or `refusal` says why not.
"""

from __future__ import annotations

from whimbrel_connector._connect_dialogue import ConnectDialogue
from whimbrel_connector._socks import SocksDialogue, SocksProtocolError

__all__ = ["ConnectDialogue", "SocksDialogue", "SocksProtocolError"]
