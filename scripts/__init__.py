"""Commands for development, CI and operation, and the code that the commands share."""
