"""HTTP: routes, request validation, the server protocol and its limits."""
