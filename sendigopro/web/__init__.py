"""One ASGI application over all doors and pages, and the server that carries it."""
