"""What the bot does about a linked account by itself: tell that it ends or has ended, notice that its person left."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import structlog

from bot.model.accounts import LinkedAccount, LinkMethod, SlackUser
from bot.model.clock import Clock
from bot.model.due import Again, Claimed, Job, account_of, account_payload, account_prefix
from bot.model.errors import BotError, KeyMissing, NotInstalled, SealBroken
from bot.store.accounts import Accounts

TOLD_BEFORE = (timedelta(days=7), timedelta(days=1))
"""How long before an API access token ends its person hears of it."""
CHECK_EVERY = timedelta(days=1)
DAYS_WITHOUT_AN_INSTALLATION = 3
MOST_LOOKS = 5
"""Tries to look a person up before that waits for the next day: the worker gives a job up that fails for too long."""
CHECK_SPREAD_SECONDS = 3600
"""So that people who linked in one hour are not all looked up in the same minute."""

TOKEN_ENDS, LINK_ENDED, CHECK_PERSON = "token_ends", "link_ended", "check_person"

Tell = Callable[[LinkedAccount, str], Awaitable[None]]
Work = Callable[[Claimed], Awaitable[Again | None]]

log = structlog.get_logger()


class Notices:
    """The jobs of a linked account, and what is done when one is due.

    `tell` sends the person a direct message of one kind (TOKEN_ENDS, LINK_ENDED); `is_gone` asks Slack whether the
    person has left the workspace, `forget` erases them. What these raise goes to the worker, who tries again.
    """

    def __init__(
        self,
        *,
        accounts: Accounts,
        clock: Clock,
        tell: Tell,
        forget: Callable[[SlackUser], Awaitable[None]],
        is_gone: Callable[[SlackUser], Awaitable[bool]],
    ) -> None:
        self._accounts = accounts
        self._clock = clock
        self._tell = tell
        self._forget = forget
        self._is_gone = is_gone

    def jobs_for(self, account: LinkedAccount, now: datetime) -> list[Job]:
        """Return the jobs to store with a new link. They go when it goes, and are replaced when it is."""
        prefix = account_prefix(account.slack_user, account.vault_host)
        payload = account_payload(account)
        spread = timedelta(seconds=secrets.randbelow(CHECK_SPREAD_SECONDS))
        jobs = [
            Job(
                key=f"{prefix}check-person",
                kind=CHECK_PERSON,
                due_at=now + CHECK_EVERY + spread,
                payload=payload,
            )
        ]
        ends = account.valid_until
        if account.method is LinkMethod.TOKEN and ends is not None:
            # One that ends today is told of at once: nothing else would be.
            last = TOLD_BEFORE[-1]
            jobs += [
                Job(
                    key=f"{prefix}token-ends:{before.days}d",
                    kind=TOKEN_ENDS,
                    due_at=max(ends - before, now),
                    payload=payload,
                )
                for before in TOLD_BEFORE
                if ends - before > now or before == last
            ]
        return jobs

    def kinds(self) -> Mapping[str, Work]:
        """Return what is done with each kind of job; a result of Again keeps it."""
        return {TOKEN_ENDS: self._token_ends, LINK_ENDED: self._link_ended, CHECK_PERSON: self._check_person}

    async def _token_ends(self, job: Claimed) -> Again | None:
        """Say so, if the token is still the one that ends then. Late after a downtime, the last one speaks for both."""
        account = await self._account(job)
        if account is None or account.method is not LinkMethod.TOKEN or account.ended_at is not None:
            return None
        first, last = TOLD_BEFORE
        left = account.valid_until - self._clock() if account.valid_until else None
        superseded = left is not None and left <= last and not job.key.endswith(f":{last.days}d")
        if left is not None and left <= first and not superseded:
            await self._tell(account, TOKEN_ENDS)
        return None

    async def _link_ended(self, job: Claimed) -> Again | None:
        """Say so, unless Vault has accepted the credential again since."""
        account = await self._account(job)
        if account is not None and account.ended_at is not None:
            await self._tell(account, LINK_ENDED)
        return None

    async def _check_person(self, job: Claimed) -> Again | None:
        """Look whether the person is still there, also where Slack's word of their leaving was missed."""
        slack_user, _ = account_of(job.payload)
        try:
            gone = await self._is_gone(slack_user)
        except NotInstalled:
            return await self._not_installed(job, slack_user)
        except BotError as error:
            if job.attempts < MOST_LOOKS:
                raise
            log.warning("person not looked up", user=slack_user.user_id, error=type(error).__name__)
            gone = False
        if gone:
            log.info("person has left Slack", workspace=slack_user.workspace, user=slack_user.user_id)
            await self._forget(slack_user)
            return None
        return Again(due_at=self._clock() + CHECK_EVERY)

    async def _not_installed(self, job: Claimed, slack_user: SlackUser) -> Again | None:
        """The app was removed and the event was missed, or its token is being replaced: some days tell which."""
        missing = int(job.payload.get("missing") or 0) + 1
        if missing < DAYS_WITHOUT_AN_INSTALLATION:
            return Again(due_at=self._clock() + CHECK_EVERY, payload={**job.payload, "missing": missing})
        log.info("app no longer installed", workspace=slack_user.workspace, user=slack_user.user_id)
        await self._forget(slack_user)
        return None

    async def _account(self, job: Claimed) -> LinkedAccount | None:
        """Return the account that the job is for, or None where it is gone or cannot be opened any more."""
        slack_user, vault_host = account_of(job.payload)
        try:
            return await self._accounts.find_one(slack_user, vault_host)
        except (SealBroken, KeyMissing):
            return None
