"""The pieces of reminders, put together: what people can do about watches, and the due work that keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.config import Config
from bot.model.accounts import Vaults
from bot.model.clock import Clock
from bot.model.meters import NO_METERS, Meters
from bot.storage import Storage
from bot.usecases.acting import Acting
from bot.usecases.auditing import Auditing
from bot.usecases.card_pace import CardPace
from bot.usecases.delivering import Deliveries
from bot.usecases.endings import Endings
from bot.usecases.homes import HomeCare
from bot.usecases.keeping import Keeping
from bot.usecases.live_cards import Cards, LiveCards
from bot.usecases.owners import OwnerNames
from bot.usecases.polling import Polling
from bot.usecases.preferring import Preferring
from bot.usecases.reminding import Reminding
from bot.usecases.sending import Sending
from bot.usecases.upload_status import UploadStatuses
from bot.usecases.vault_news import VaultNews
from bot.usecases.watch_care import WatchCare
from bot.usecases.watch_places import WatchPlaces
from bot.usecases.watching import Watching
from bot.vault.client import VaultClient
from bot.worker import RunJob


@dataclass(frozen=True, kw_only=True, slots=True)
class Reminders:
    """What listeners use, and what the worker runs by kind of due work."""

    watching: Watching
    care: WatchCare
    preferring: Preferring
    keeping: Keeping
    kinds: Mapping[str, RunJob]


def reminders(
    config: Config,
    store: Storage,
    *,
    acting: Acting,
    statuses: UploadStatuses,
    client: VaultClient,
    auditing: Auditing,
    deliveries: Deliveries,
    cards: Cards,
    homes: HomeCare,
    vaults: Vaults,
    clock: Clock,
    meters: Meters = NO_METERS,
) -> Reminders:
    """Return the pieces, which share one store of watches and one way to Slack."""
    watches = store.watches
    preferring = Preferring(watches=watches, deliveries=deliveries, clock=clock)
    places = WatchPlaces(watches=watches, deliveries=deliveries, vaults=vaults, clock=clock)
    live = LiveCards(
        watches=watches,
        accounts=store.accounts,
        cards=cards,
        places=places,
        pace=CardPace(once=store.once, clock=clock),
        vaults=vaults,
        clock=clock,
        stall_after=config.stall_after,
    )
    polling = Polling(
        watches=watches,
        acting=acting,
        client=client,
        vaults=vaults,
        clock=clock,
        poll_every=config.poll_every,
        stall_after=config.stall_after,
        keep_alive=config.keep_alive == "watching",
        with_failsafe=config.failsafe,
        live=live,
    )
    sending = Sending(
        due=store.due, deliveries=deliveries, places=places, vaults=vaults, clock=clock, meters=meters
    )
    vault_news = VaultNews(
        acting=acting,
        client=client,
        owner_names=OwnerNames(acting=acting, client=client, clock=clock),
        sending=sending,
        auditing=auditing,
    )
    reminding = Reminding(
        watches=watches,
        acting=acting,
        client=client,
        endings=Endings(acting=acting, client=client),
        sending=sending,
        vault_news=vault_news,
        live=live,
        deliveries=deliveries,
        auditing=auditing,
        homes=homes,
        clock=clock,
        stall_after=config.stall_after,
    )
    return Reminders(
        watching=Watching(
            watches=watches,
            statuses=statuses,
            acting=acting,
            client=client,
            auditing=auditing,
            deliveries=deliveries,
            preferring=preferring,
            vaults=vaults,
            clock=clock,
            lead_times=config.remind_before,
            stall_after=config.stall_after,
            with_failsafe=config.failsafe,
        ),
        care=WatchCare(
            watches=watches,
            auditing=auditing,
            deliveries=deliveries,
            preferring=preferring,
            vaults=vaults,
            clock=clock,
        ),
        preferring=preferring,
        keeping=Keeping(
            watches=watches,
            statuses=statuses,
            live=live,
            cards=cards,
            auditing=auditing,
            clock=clock,
            stall_after=config.stall_after,
        ),
        kinds={
            "poll": polling.poll,
            "remind": reminding.remind,
            "announce": places.announce,
            "failsafe": places.failsafe,
            "card": live.draw,
        },
    )
