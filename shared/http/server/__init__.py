"""The server itself: what uvicorn lets everybody do with a connection, within bounds."""
