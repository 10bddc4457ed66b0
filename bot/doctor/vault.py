"""One Vault: reached, its certificate, our API version, our client ID, and its call limit. Nobody's credential is used:
which rights a person has, only that person can try (`/upload-status doctor`)."""

from datetime import datetime

from bot.doctor.certificates import certificate
from bot.doctor.check import Check, fail, ok, warn
from bot.doctor.runner import Step
from bot.model.accounts import Vault
from bot.model.errors import (
    BotError,
    CredentialRefused,
    NoStagingAccess,
    VaultError,
    VaultMaintenance,
    VaultRefused,
    VaultTemporary,
)
from bot.vault.probing import Probe

FEW_LEFT = 0.1
"""Of the calls that a Vault allows in five minutes."""
NOT_THERE = ("MALFORMED_URL", "HTTP_404")
"""Vault answers so for a path that it does not know, such as one below an API version that it does not serve."""


class VaultChecks:
    """Asks one Vault as a stranger."""

    def __init__(self, probe: Probe, vault: Vault, *, version: str, client_id: str, now: datetime) -> None:
        """`now` is by this machine's clock, which certificates go by."""
        self._probe = probe
        self._vault = vault
        self._version = version
        self._client_id = client_id
        self._now = now
        self._answer: BotError | None = None
        """What Vault said to a call without a credential; None when it could not be reached."""

    def steps(self) -> list[Step]:
        """Return the checks in their order."""
        looks = {
            "vault": self.reached,
            "vault_certificate": self.certificate,
            "vault_version": self.version,
            "vault_client_id": self.client_id,
            "vault_calls": self.calls,
        }
        return [Step(name=name, look=look, subject=self._vault.name) for name, look in looks.items()]

    async def reached(self) -> Check:
        """Make a call without a credential, which Vault itself has to refuse."""
        host = self._vault.host
        try:
            await self._probe.knock(self._vault)
        except VaultMaintenance as error:
            return self._warn("vault", error.sentence, error.remedy)
        except VaultTemporary as error:
            reason = str(error.details.get("reason") or error.details.get("error_type") or "no answer")
            return self._fail(
                "vault",
                f"{host} cannot be reached, or gives no proper answer ({reason}).",
                "Check its address in VAULTS, DNS, the firewall and HTTPS_PROXY, and trust.veeva.com for its state.",
            )
        except VaultError as error:
            if "reason" in error.details:  # an answer, but not one of Vault's
                return self._fail(
                    "vault",
                    f"{host} answers, but not as Vault does ({error.details['reason']}).",
                    "Check its address in VAULTS: it is a Vault's own host, such as https://mine.veevavault.com.",
                )
            self._answer = error
        return ok("vault", f"{host} answers as a Vault.", subject=self._vault.name)

    async def certificate(self) -> Check:
        """How long its certificate lasts."""
        return await certificate(
            "vault_certificate",
            self._vault.url,
            self._now,
            subject=self._vault.name,
            owner="whoever runs that host, or the proxy on the way,",
        )

    async def version(self) -> Check | None:
        """Whether it serves VAULT_API_VERSION: by its own list, or where that is not for strangers, by its answer."""
        if self._answer is None:
            return None
        name, wanted = "vault_version", self._version
        try:
            offered = await self._probe.versions(self._vault)
        except VaultError:
            if self._answer.details.get("error_type") not in NOT_THERE:
                return ok(name, f"It serves API version {wanted}.", subject=self._vault.name)
            return self._fail(
                name,
                f"It does not know API version {wanted}.",
                "Set VAULT_API_VERSION to one that it offers; Vault lists them at /api/ to who is signed in.",
            )
        if wanted in offered:
            return ok(name, f"It offers API version {wanted}.", subject=self._vault.name)
        shown = ", ".join(offered[-4:])
        return self._fail(
            name,
            f"It does not offer API version {wanted}; its newest are {shown}.",
            "Set VAULT_API_VERSION to one of these.",
        )

    async def client_id(self) -> Check | None:
        """Whether Client ID Filtering lets us in. Vault: "Client ID"; the refusal's type is not documented."""
        if self._answer is None:
            return None
        name, client_id = "vault_client_id", self._client_id
        if isinstance(self._answer, CredentialRefused):
            return ok(name, f"The client ID {client_id} is not refused.", subject=self._vault.name)
        code = self._answer.details.get("error_type")
        if isinstance(self._answer, NoStagingAccess):
            return self._fail(
                name,
                f"Vault refuses calls under the client ID {client_id}, or from this address ({code}).",
                "Ask the Vault administrator for an active Connection with that client ID (Client ID Filtering), to "
                "allow this machine's address, or set VAULT_CLIENT_ID to one that is allowed.",
            )
        if isinstance(self._answer, VaultRefused) and code in NOT_THERE:
            return None  # told with the version
        return self._warn(
            name, f"Vault gave an unexpected answer ({code}).", "Link an account to see whether it works."
        )

    async def calls(self) -> Check | None:
        """What is left of the calls that all its users may make in five minutes."""
        burst = self._probe.burst
        if self._answer is None:
            return None
        if burst is None:
            return ok(
                "vault_calls", "It tells its call limit only to who is signed in.", subject=self._vault.name
            )
        told = f"{burst.remaining:,} of {burst.limit:,} calls are left in these five minutes."
        if burst.remaining < burst.limit * FEW_LEFT:
            return self._warn(
                "vault_calls",
                told,
                "See in Vault's API usage log which client makes them; beyond the limit each call is delayed.",
            )
        return ok("vault_calls", told, subject=self._vault.name)

    def _warn(self, name: str, what: str, next_step: str) -> Check:
        return warn(name, what, next_step, subject=self._vault.name)

    def _fail(self, name: str, what: str, next_step: str) -> Check:
        return fail(name, what, next_step, subject=self._vault.name)
