"""The doctor's looks at what the demo has not: certificates, a bot that is not ready, a part of the audit log."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.doctor.certificates import certificate
from bot.doctor.check import Check, Status
from bot.doctor.web import WebChecks
from bot.model.audit import Action, AuditEntry, Outcome
from bot.model.clock import system_clock
from bot.store.audit import AuditLog
from bot.store.database import Database
from bot.store.seal import Keyring
from bot.vault.pool import http_client
from tests.databases import NOW as THEN
from tests.integration.raw_server import answer, raw_server

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
HOST = "127.0.0.1"


class Authority:
    """A certificate authority of this test's own, and servers with its certificates."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test Authority")])
        own = self._signed(self._name, self._key, NOW + 365 * DAY, None)
        self.file = folder / "authority.pem"
        self.file.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    @asynccontextmanager
    async def server(self, ends: datetime) -> AsyncIterator[str]:
        """Serve TLS with a certificate that lasts until then; yields the address."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
        shown = self._signed(name, key, ends, HOST)
        file = self._folder / "server.pem"
        file.write_bytes(
            shown.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        server = await asyncio.start_server(_hang_up, HOST, 0, ssl=context)
        async with server:
            yield f"https://{HOST}:{server.sockets[0].getsockname()[1]}"

    def _signed(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, ends: datetime, host: str | None
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - 400 * DAY)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
        )
        if host is not None:
            names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())


async def _hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """One that this machine trusts, without a proxy on the way."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


async def shown_by(url: str) -> Check:
    return await certificate("vault_certificate", url, NOW, subject="promomats", owner="somebody")


@pytest.mark.parametrize(
    ("days", "status"), [(90, Status.OK), (22, Status.OK), (20, Status.WARN), (-1, Status.FAIL)]
)
async def test_certificate__by_the_days_it_lasts(authority: Authority, days: int, status: Status) -> None:
    async with authority.server(NOW + days * DAY) as url:
        found = await shown_by(url)
    assert found.status is status
    assert ("expired" if days < 0 else f"({days} days)") in found.what


async def test_certificate__that_nobody_here_trusts(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with authority.server(NOW + 90 * DAY) as url:
        monkeypatch.delenv("SSL_CERT_FILE")
        found = await shown_by(url)
    assert found.status is Status.FAIL
    assert "SSL_CERT_FILE" in found.next_step


async def test_certificate__of_another_host(authority: Authority) -> None:
    async with authority.server(NOW + 90 * DAY) as url:
        found = await shown_by(url.replace(HOST, "localhost"))
    assert found.status is Status.FAIL
    assert "mismatch" in found.what.lower()


async def test_certificate__where_there_is_none_to_see(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await shown_by("https://127.0.0.1:9")).status is Status.FAIL
    assert (await shown_by("http://127.0.0.1:9")).status is Status.OK
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert (await shown_by("https://127.0.0.1:9")).status is Status.WARN


async def test_running__a_bot_that_is_not_ready_says_why() -> None:
    body = b'{"status":"not ready","checks":{"start":"ok","database":"the database cannot be used; see the log"}}'
    async with raw_server(lambda _: answer(body, "503 Service Unavailable")) as server, http_client() as http:
        host, _, port = server.url.removeprefix("http://").rpartition(":")
        checks = WebChecks(
            http, host=host, port=int(port), public_url=server.url, signing_secret=None, clock=system_clock
        )
        found = await checks.running()
    assert found.status is Status.FAIL
    assert "database: the database cannot be used" in found.what
    assert "start" not in found.what


async def test_examine__of_the_newest_rows_sees_what_is_wrong_in_them_alone(
    db: Database, keyring: Keyring
) -> None:
    log = AuditLog(db, keyring)
    for number in range(30):
        await log.write(AuditEntry(at=THEN, action=Action.LIST, outcome=Outcome.DONE, note=str(number)))
    part = await log.examine(10)
    assert (part.rows, part.faults) == (10, [])
    assert (await log.examine(30)).rows == (await log.examine(31)).rows == 30
    async with db.write() as connection:
        await connection.exec_driver_sql("UPDATE audit_log SET note = 'x' WHERE seq = 5")
    assert (await log.examine(10)).faults == []
    assert (await log.examine()).faults != []
    async with db.write() as connection:
        await connection.exec_driver_sql("UPDATE audit_log SET note = 'x' WHERE seq = 25")
    assert (await log.examine(10)).faults == ["Row 25 does not fit: it or the row before it was changed."]
    async with db.write() as connection:
        await connection.exec_driver_sql("DELETE FROM audit_log WHERE seq <= 20")
    assert len((await log.examine(10)).faults) == 2
