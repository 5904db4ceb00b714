"""HTTP: routes, request validation, middleware, and limits of connections."""
