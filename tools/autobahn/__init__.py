"""The Autobahn TestSuite against the client (`hatch run autobahn`)."""
