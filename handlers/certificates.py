"""The certificate authorities for TLS connections, which environment variables can replace."""

import os
import ssl
from pathlib import Path


def problem() -> str | None:
    """Return an error message if SSL_CERT_FILE or SSL_CERT_DIR is unusable.

    OpenSSL ignores an unreadable file or folder, and then rejects every certificate.
    """
    if file := os.environ.get("SSL_CERT_FILE"):
        try:
            ssl.create_default_context(cafile=file)
        except OSError as error:
            return f"SSL_CERT_FILE cannot be read as certificates in PEM: {error}"
    folder = os.environ.get("SSL_CERT_DIR")
    # OpenSSL accepts several folders, separated by colons.
    if folder and not any(Path(each).is_dir() for each in folder.split(os.pathsep)):
        return "SSL_CERT_DIR is not a folder of certificates"
    return None
