"""`hatch run soak`: many requests over many hosts while everything goes wrong; what is left then?

`plan` draws every request, with what the server and the client do to it, from one seed; `server`
does its part in a process of its own; `client` does the other and knows which outcomes are right;
`census` counts what must not grow. Names resolve to this machine only.
"""
