"""Which addresses are this machine's own."""

from ipaddress import ip_address


def is_loopback(host: str | None) -> bool:
    """Return whether the host name or address is this machine's own; plain http is allowed there and nowhere else."""
    if host is None:
        return False
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
