"""A small ASGI application and the processes that serve it, for the demo and the tests."""
