// The bench's work as a Go programmer would write it: franz-go polls, each partition's records of a poll are one
// transaction of pgx with one statement per table, and offsets are committed after it.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// Records of one poll.
	poll = 4000
	// Partitions that are applied at the same time; as many connections.
	parallel = 4

	note = `insert into inbox (consumer_group, event_id, tenant, applied_at)
		select $1, event_id, tenant, $2 from unnest($3::uuid[], $4::text[]) as event (event_id, tenant)
		on conflict do nothing
		returning event_id`
	count = `insert into counters as counter (tenant, key, n, first, last, disordered)
		select * from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
		on conflict (tenant, key) do update
		set n = counter.n + excluded.n, first = excluded.first, last = excluded.last,
			disordered = counter.disordered + excluded.disordered + (excluded.first <> counter.last + 1)::int`
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	config, err := pgxpool.ParseConfig(os.Getenv("BENCH_DATABASE_URL"))
	if err != nil {
		return err
	}
	config.MaxConns = parallel
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return err
	}
	defer pool.Close()
	group := os.Getenv("BENCH_GROUP")
	client, err := kgo.NewClient(
		kgo.SeedBrokers(os.Getenv("BENCH_BROKERS")),
		kgo.ConsumerGroup(group),
		kgo.InstanceID(os.Getenv("BENCH_INSTANCE")),
		kgo.SessionTimeout(6*time.Second),
		kgo.HeartbeatInterval(2*time.Second),
		kgo.ConsumeTopics(os.Getenv("BENCH_TOPIC")),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		// Nothing is taken away between a poll and its commit.
		kgo.BlockRebalanceOnPoll(),
	)
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance()
	for {
		fetches := client.PollRecords(ctx, poll)
		if ctx.Err() != nil {
			return nil
		}
		if err := fetches.Err(); err != nil {
			return err
		}
		if err := applyAll(pool, group, fetches); err != nil {
			return err
		}
		if err := client.CommitUncommittedOffsets(context.Background()); err != nil {
			return err
		}
		client.AllowRebalance()
	}
}

// Applies what a poll brought, partitions side by side.
func applyAll(pool *pgxpool.Pool, group string, fetches kgo.Fetches) error {
	var (
		workers sync.WaitGroup
		mutex   sync.Mutex
		failed  error
	)
	permits := make(chan struct{}, parallel)
	fetches.EachPartition(func(partition kgo.FetchTopicPartition) {
		if len(partition.Records) == 0 {
			return
		}
		permits <- struct{}{}
		workers.Go(func() {
			defer func() { <-permits }()
			if err := apply(pool, group, partition.Records); err != nil {
				mutex.Lock()
				failed = errors.Join(failed, err)
				mutex.Unlock()
			}
		})
	})
	workers.Wait()
	return failed
}

type event struct {
	id     pgtype.UUID
	tenant string
	key    string
	number int64
}

// One transaction: notes the events, and counts those that are new.
func apply(pool *pgxpool.Pool, group string, records []*kgo.Record) error {
	events := make([]event, len(records))
	ids := make([]pgtype.UUID, len(records))
	tenants := make([]string, len(records))
	for i, record := range records {
		read, err := parse(record)
		if err != nil {
			return err
		}
		events[i], ids[i], tenants[i] = read, read.id, read.tenant
	}
	ctx := context.Background()
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, note, group, time.Now(), ids, tenants)
		if err != nil {
			return err
		}
		noted := make(map[[16]byte]struct{}, len(records))
		var id pgtype.UUID
		if _, err := pgx.ForEachRow(rows, []any{&id}, func() error {
			noted[id.Bytes] = struct{}{}
			return nil
		}); err != nil {
			return err
		}
		counters := countNew(events, noted)
		if len(counters.keys) == 0 {
			return nil
		}
		_, err = tx.Exec(ctx, count, counters.tenants, counters.keys, counters.n, counters.first, counters.last,
			counters.disordered)
		return err
	})
}

type columns struct {
	tenants, keys              []string
	n, first, last, disordered []int64
}

func countNew(events []event, noted map[[16]byte]struct{}) columns {
	var sums columns
	places := make(map[string]int, len(events))
	for _, event := range events {
		if _, first := noted[event.id.Bytes]; !first {
			continue
		}
		delete(noted, event.id.Bytes)
		place, known := places[event.key]
		if !known {
			places[event.key] = len(sums.keys)
			sums.tenants = append(sums.tenants, event.tenant)
			sums.keys = append(sums.keys, event.key)
			sums.n = append(sums.n, 1)
			sums.first = append(sums.first, event.number)
			sums.last = append(sums.last, event.number)
			sums.disordered = append(sums.disordered, 0)
			continue
		}
		if event.number != sums.last[place]+1 {
			sums.disordered[place]++
		}
		sums.n[place]++
		sums.last[place] = event.number
	}
	return sums
}

func parse(record *kgo.Record) (event, error) {
	read := event{key: string(record.Key)}
	for _, header := range record.Headers {
		switch header.Key {
		case "ce_id":
			if err := read.id.Scan(string(header.Value)); err != nil {
				return read, err
			}
		case "ce_tenant":
			read.tenant = string(header.Value)
		}
	}
	if !read.id.Valid || read.tenant == "" || len(record.Value) < 8 {
		return read, fmt.Errorf("record %d of partition %d is no event", record.Offset, record.Partition)
	}
	read.number = int64(binary.BigEndian.Uint64(record.Value))
	return read, nil
}
