// The payment workflow by Temporal's Go SDK: a step, a wait for a timer or a signal, until the owner says that nothing is under way.
//
// Arguments: Temporal's address, task queue, the payment service's address, the token to call it with.
package main

import (
	"context"
	"log"
	"log/slog"
	"os"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protowire"
)

type payment struct {
	Tenant    string `json:"tenant"`
	PaymentID string `json:"payment_id"`
}

type step struct {
	WaitMs *int64 `json:"wait_ms"`
}

func paymentWorkflow(ctx workflow.Context, of payment) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		HeartbeatTimeout:    10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 30 * time.Second},
	})
	wanted := workflow.GetSignalChannel(ctx, "wanted")
	for {
		// Whoever wanted it to go on before this step has it.
		for wanted.ReceiveAsync(nil) {
		}
		var next step
		if err := workflow.ExecuteActivity(ctx, "advance_payment", of).Get(ctx, &next); err != nil {
			return err
		}
		if next.WaitMs != nil {
			waiting, cancel := workflow.WithCancel(ctx)
			timer := workflow.NewTimer(waiting, time.Duration(*next.WaitMs)*time.Millisecond)
			selector := workflow.NewSelector(ctx)
			selector.AddFuture(timer, func(workflow.Future) {})
			selector.AddReceive(wanted, func(workflow.ReceiveChannel, bool) {})
			selector.Select(ctx)
			cancel()
		} else if wanted.Len() == 0 {
			return nil
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return workflow.NewContinueAsNewError(ctx, paymentWorkflow, of)
		}
	}
}

type activities struct {
	payments *grpc.ClientConn
	token    string
}

// Bytes as they are: the two messages are too small for generated code to be worth its lines.
type bare struct{}

func (bare) Marshal(message any) ([]byte, error) { return *message.(*[]byte), nil }
func (bare) Unmarshal(data []byte, message any) error {
	*message.(*[]byte) = append([]byte(nil), data...)
	return nil
}
func (bare) Name() string { return "proto" }

// Calls the owner, and lets Temporal hear of this worker meanwhile.
func (a *activities) advance(ctx context.Context, of payment) (step, error) {
	type answer struct {
		next step
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		next, err := a.call(ctx, of)
		answers <- answer{next, err}
	}()
	ticks := time.NewTicker(3 * time.Second)
	defer ticks.Stop()
	for {
		activity.RecordHeartbeat(ctx)
		select {
		case got := <-answers:
			return got.next, got.err
		case <-ticks.C:
		}
	}
}

func (a *activities) call(ctx context.Context, of payment) (step, error) {
	ctx, cancel := context.WithTimeout(ctx, 50*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+a.token, "x-tenant", of.Tenant)
	request := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), of.PaymentID)
	var answer []byte
	const method = "/guildhall.payment.v1.PaymentService/AdvancePayment"
	if err := a.payments.Invoke(ctx, method, &request, &answer, grpc.ForceCodec(bare{})); err != nil {
		return step{}, err
	}
	var settled, waitMs uint64
	for len(answer) > 0 {
		number, _, tag := protowire.ConsumeTag(answer)
		if tag < 0 {
			return step{}, protowire.ParseError(tag)
		}
		value, length := protowire.ConsumeVarint(answer[tag:])
		if length < 0 {
			return step{}, protowire.ParseError(length)
		}
		switch number {
		case 1:
			settled = value
		case 2:
			waitMs = value
		}
		answer = answer[tag+length:]
	}
	if settled != 0 {
		return step{}, nil
	}
	wait := int64(waitMs)
	return step{WaitMs: &wait}, nil
}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("Temporal's address, task queue, the payment service's address, a token")
	}
	payments, err := grpc.NewClient(os.Args[3], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	// Its own logger would write what each workflow does.
	logger := sdklog.NewStructuredLogger(slog.New(slog.NewJSONHandler(os.Stdout, nil)))
	server, err := client.Dial(client.Options{HostPort: os.Args[1], Namespace: "guildhall", Logger: logger})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	// As many as ours keeps.
	worker.SetStickyWorkflowCacheSize(500)
	running := worker.New(server, os.Args[2], worker.Options{})
	running.RegisterWorkflowWithOptions(paymentWorkflow, workflow.RegisterOptions{Name: "PaymentWorkflow"})
	owner := &activities{payments: payments, token: os.Args[4]}
	running.RegisterActivityWithOptions(owner.advance, activity.RegisterOptions{Name: "advance_payment"})
	if err := running.Run(worker.InterruptCh()); err != nil {
		log.Fatal(err)
	}
}
