"""The bench's work as a Python programmer would write it: confluent-kafka hands over batches, each is one transaction
of psycopg with one statement per table, and offsets are committed after it."""

import os
import signal
from uuid import UUID

import psycopg
from confluent_kafka import Consumer

# Records of one batch, and how long it is waited for.
BATCH = 4000
WAIT_SECONDS = 0.1

NOTE = """
    insert into inbox (consumer_group, event_id, tenant, applied_at)
    select %s, event_id, tenant, clock_timestamp() from unnest(%s::uuid[], %s::text[]) as event (event_id, tenant)
    on conflict do nothing
    returning event_id"""
COUNT = """
    insert into counters as counter (tenant, key, n, first, last, disordered)
    select * from unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
    on conflict (tenant, key) do update
    set n = counter.n + excluded.n, first = excluded.first, last = excluded.last,
        disordered = counter.disordered + excluded.disordered + (excluded.first <> counter.last + 1)::int"""


def main():
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    group = os.environ["BENCH_GROUP"]
    consumer = Consumer({
        "bootstrap.servers": os.environ["BENCH_BROKERS"],
        "group.id": group,
        "group.instance.id": os.environ["BENCH_INSTANCE"],
        "session.timeout.ms": 6000,
        "heartbeat.interval.ms": 2000,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
    })
    with psycopg.connect(os.environ["BENCH_DATABASE_URL"]) as database:
        # From the first execution on: by default a statement is prepared at its fifth.
        database.prepare_threshold = 0
        consumer.subscribe([os.environ["BENCH_TOPIC"]])
        while not stopping:
            messages = consumer.consume(BATCH, WAIT_SECONDS)
            if messages:
                apply(database, group, messages)
                for message in messages:
                    consumer.store_offsets(message)
                consumer.commit(asynchronous=False)
    consumer.close()


def apply(database, group, messages):
    """One transaction: notes the events, and counts those that are new."""
    events = [parse(message) for message in messages]
    with database.transaction(), database.cursor(binary=True) as cursor:
        cursor.execute(NOTE, (group, [event[0] for event in events], [event[1] for event in events]))
        noted = {row[0] for row in cursor}
        sums = {}
        for event_id, tenant, key, number in events:
            if event_id not in noted:
                continue
            noted.remove(event_id)
            counter = sums.get(key)
            if counter is None:
                sums[key] = [tenant, key, 1, number, number, 0]
                continue
            counter[2] += 1
            counter[5] += number != counter[4] + 1
            counter[4] = number
        if sums:
            cursor.execute(COUNT, [list(column) for column in zip(*sums.values())])


def parse(message):
    if message.error():
        raise RuntimeError(message.error())
    headers = dict(message.headers())
    number = int.from_bytes(message.value()[:8], "big")
    return UUID(headers["ce_id"].decode()), headers["ce_tenant"].decode(), message.key().decode(), number


main()
