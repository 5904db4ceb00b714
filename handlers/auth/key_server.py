"""The HTTP client for the key server, with proxies and certificates from the environment."""

import os
import ssl
from collections.abc import Iterator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address
from urllib.request import proxy_bypass

import certifi
import httpx

from handlers import certificates


def client(address: str, timeout: float) -> httpx.AsyncClient:
    """Return a client for this address. Variables must be valid: call `problems` first.

    The client does not use httpx's `trust_env`, which fails on variables for other addresses.
    """
    url = httpx.URL(address)
    return httpx.AsyncClient(
        timeout=timeout,
        trust_env=False,
        proxy=_proxy(url),
        verify=_authorities(url),
        # Without cookies, which a server could accumulate in memory.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


def problems(address: str) -> Iterator[str]:
    """Yield an error message for every invalid variable that applies to this address."""
    url = httpx.URL(address)
    variable = _proxy_variable(url)
    if variable and not _is_http_proxy(_value(variable)):
        yield (
            f"{variable} must be an HTTP proxy, such as http://proxy.example.com:3128 (SOCKS is "
            f"not supported). If {url.host} needs no proxy, name it in NO_PROXY"
        )
    is_encrypted = url.scheme == "https" or (variable and _value(variable).startswith("https:"))
    if is_encrypted and (problem := certificates.problem()):
        yield problem


def _proxy(url: httpx.URL) -> httpx.Proxy | None:
    variable = _proxy_variable(url)
    if variable is None:
        return None
    proxy = httpx.URL(_value(variable))
    return httpx.Proxy(proxy, ssl_context=_authorities(proxy) if proxy.scheme == "https" else None)


def _authorities(url: httpx.URL) -> ssl.SSLContext:
    if url.scheme != "https":
        # A context is required but never used. Loading certificates would be slow.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    default = None if file or folder else certifi.where()
    return ssl.create_default_context(cafile=file or default, capath=folder or None)


def _proxy_variable(url: httpx.URL) -> str | None:
    """Return the name of the variable with the proxy for this address, or None."""
    netloc = url.netloc.decode("ascii")
    if _is_loopback(url.host) or any(map(proxy_bypass, (netloc, url.host))):
        return None
    names = (f"{url.scheme}_proxy", "all_proxy")
    variables = (variable for name in names for variable in (name, name.upper()))
    return next((variable for variable in variables if _value(variable)), None)


def _value(variable: str) -> str:
    value = os.environ.get(variable, "").strip()
    return value if "://" in value or not value else f"http://{value}"


def _is_http_proxy(value: str) -> bool:
    try:
        url = httpx.URL(value)
    except httpx.InvalidURL:
        return False
    return url.scheme in ("http", "https") and bool(url.host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
