"""What can be done behind the API: to uploads, and to time."""

from datetime import datetime, timedelta

from bot.demo.page import fields
from bot.demo.page.fields import Body, Refused
from bot.demo.page.stage import Stage
from bot.demo.vault.envelope import RefusedError
from bot.demo.vault.uploads import MEBIBYTE

LONGEST_NAME = 200
LARGEST_FILE = 500 * 1024 * MEBIBYTE
FASTEST = 10 * 1024 * MEBIBYTE
LONGEST_JUMP = 366 * 24 * 3600
FASTEST_CLOCK = 3600


class VaultActs:
    """The buttons under "Vault and time"."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._vault = stage.demo.vault

    async def new(self, body: Body) -> None:
        """`vault_new`: begin an upload as its owner's tool would."""
        name = fields.text(body, "name", longest=LONGEST_NAME).strip()
        if not name or "/" in name:
            raise Refused("A file needs a name without a slash.")
        size = fields.number(body, "size", 1, LARGEST_FILE)
        key, owner = fields.text(body, "vault"), fields.text(body, "owner")
        if key not in self._vault.vaults:
            raise Refused(f"There is no Vault “{key}”.")
        if owner not in self._vault.users:
            raise Refused(f"Nobody called “{owner}” is a user of this Vault.")
        try:
            self._vault.vaults[key].staging.refuse_if_full(self._stage.demo.clock.now())
        except RefusedError:
            raise Refused("This Vault takes no more active uploads; finish or abort one first.") from None
        self._vault.create_upload(owner, f"/demo/{name}", int(size), vault=key)
        self._stage.note("Vault", f"begins to upload {name}", owner)

    async def part(self, body: Body) -> None:
        """`vault_part`: one more part arrives."""
        upload_id = fields.text(body, "id")
        upload = self._vault.upload(upload_id)
        if not upload.next_part_size():
            raise Refused("Every byte is there already; it can be committed.", 409)
        self._vault.send_part(upload_id)
        self._stage.note("Vault", f"sends a part of {upload.name}", upload.owner.key)

    async def run(self, body: Body) -> None:
        """`vault_run`: parts arrive by themselves."""
        upload_id = fields.text(body, "id")
        if not self._vault.upload(upload_id).next_part_size():
            raise Refused("Every byte is there already; it can be committed.", 409)
        self._vault.let_run(upload_id, fields.number(body, "bytes_per_second", 1, FASTEST))

    async def stall(self, body: Body) -> None:
        """`vault_stall`: no more parts arrive by themselves."""
        self._vault.stall(fields.text(body, "id"))

    async def finish(self, body: Body) -> None:
        """`vault_finish`: all missing bytes arrive at once."""
        upload = self._vault.upload(fields.text(body, "id"))
        self._vault.finish_bytes(upload.id)
        self._stage.note("Vault", f"sends all the rest of {upload.name}", upload.owner.key)

    async def commit(self, body: Body) -> None:
        """`vault_commit`: the owner commits."""
        upload = self._vault.upload(fields.text(body, "id"))
        if upload.next_part_size():
            raise Refused("Not every byte is there yet; only a complete upload can be committed.", 409)
        self._vault.commit(upload.id)
        self._stage.note("Vault", f"commits {upload.name}", upload.owner.key)

    async def abort(self, body: Body) -> None:
        """`vault_abort`: the owner gives it up."""
        upload = self._vault.upload(fields.text(body, "id"))
        self._vault.abort(upload.id)
        self._stage.note("Vault", f"aborts {upload.name}", upload.owner.key)

    async def expire(self, body: Body) -> None:
        """`vault_expire`: its 72 hours are over now."""
        self._vault.expire(fields.text(body, "id"))

    async def clock(self, body: Body) -> None:
        """`clock`: jump ahead, or let time run faster; for both emulators and the bot."""
        clock = self._stage.demo.clock
        if "speed" in body:
            clock.run_at(fields.number(body, "speed", 0, FASTEST_CLOCK))
        elif "before_expiry_of" in body:
            upload = self._vault.upload(fields.text(body, "before_expiry_of"))
            self._jump(upload.expires, fields.number(body, "seconds", 0, LONGEST_JUMP))
        elif "before_next_expiry" in body:
            self._jump_before_next(fields.number(body, "before_next_expiry", 0, LONGEST_JUMP))
        else:
            clock.advance(timedelta(seconds=fields.number(body, "by", 0, LONGEST_JUMP)))

    def _jump_before_next(self, seconds: float) -> None:
        """To so long before the next expiry that is still further away."""
        least = self._stage.demo.clock.now() + timedelta(seconds=seconds)
        later = [one.expires for one in self._vault.uploads() if one.expires > least]
        if not later:
            raise Refused("No upload expires later than that.", 409)
        self._jump(min(later), seconds)

    def _jump(self, expires: datetime, seconds: float) -> None:
        moment = expires - timedelta(seconds=seconds)
        if moment < self._stage.demo.clock.now():
            raise Refused("That moment has passed already, and the clock cannot go back.", 409)
        self._stage.demo.clock.set(moment)
