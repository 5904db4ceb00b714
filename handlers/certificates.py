"""The certificate authorities that the environment names for connections over TLS."""

import os
import ssl
from pathlib import Path


def problem() -> str | None:
    """Return what is wrong with SSL_CERT_FILE or SSL_CERT_DIR, if anything is.

    OpenSSL ignores an unreadable one, and every certificate is then refused.
    """
    if file := os.environ.get("SSL_CERT_FILE"):
        try:
            ssl.create_default_context(cafile=file)
        except OSError as error:
            return f"SSL_CERT_FILE cannot be read as certificates in PEM: {error}"
    folder = os.environ.get("SSL_CERT_DIR")
    # OpenSSL takes several folders, separated by colons.
    if folder and not any(Path(each).is_dir() for each in folder.split(os.pathsep)):
        return "SSL_CERT_DIR is not a folder of certificates"
    return None
