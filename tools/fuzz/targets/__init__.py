"""The fuzz targets by name, with their seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tools.fuzz.seeds import connect_dialogue as connect_seeds
from tools.fuzz.seeds import content_decoder as coding_seeds
from tools.fuzz.seeds import cookie_date as date_seeds
from tools.fuzz.seeds import field_values as field_seeds
from tools.fuzz.seeds import request_reader as request_seeds
from tools.fuzz.seeds import response_reader as response_seeds
from tools.fuzz.seeds import set_cookie as cookie_seeds
from tools.fuzz.seeds import socks_dialogue as socks_seeds
from tools.fuzz.seeds import websocket_frames as frame_seeds
from tools.fuzz.seeds import websocket_handshake as handshake_seeds
from tools.fuzz.targets.connect_dialogue import check_connect_dialogue
from tools.fuzz.targets.content_decoder import check_content_decoder
from tools.fuzz.targets.cookie_date import check_cookie_date
from tools.fuzz.targets.field_values import check_field_values
from tools.fuzz.targets.request_reader import check_request_reader
from tools.fuzz.targets.response_reader import check_response_reader
from tools.fuzz.targets.set_cookie import check_set_cookie
from tools.fuzz.targets.socks_dialogue import check_socks_dialogue
from tools.fuzz.targets.websocket_frames import check_websocket_deflate, check_websocket_frames
from tools.fuzz.targets.websocket_handshake import check_websocket_handshake, check_websocket_offer

__all__ = ["TARGETS"]

TARGETS: dict[str, tuple[Callable[[bytes], None], Sequence[bytes]]] = {
    "connect_dialogue": (check_connect_dialogue, connect_seeds.SEEDS),
    "content_decoder": (check_content_decoder, coding_seeds.SEEDS),
    "cookie_date": (check_cookie_date, date_seeds.SEEDS),
    "field_values": (check_field_values, field_seeds.SEEDS),
    "request_reader": (check_request_reader, request_seeds.SEEDS),
    "response_reader": (check_response_reader, response_seeds.SEEDS),
    "set_cookie": (check_set_cookie, cookie_seeds.SEEDS),
    "socks_dialogue": (check_socks_dialogue, socks_seeds.SEEDS),
    "websocket_deflate": (check_websocket_deflate, frame_seeds.DEFLATE_SEEDS),
    "websocket_frames": (check_websocket_frames, frame_seeds.SEEDS),
    "websocket_handshake": (check_websocket_handshake, handshake_seeds.SEEDS),
    "websocket_offer": (check_websocket_offer, handshake_seeds.OFFER_SEEDS),
}
