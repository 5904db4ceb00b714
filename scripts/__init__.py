"""Commands for development, CI and operation, and in two packages the code that they share."""
