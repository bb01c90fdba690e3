"""The payment workflow by Temporal's Python SDK: a step, a wait for a timer or a signal, until the owner says that nothing is under way.

Arguments: Temporal's address, task queue, the payment service's address, the token to call it with.
"""

import asyncio
import signal
import sys
from dataclasses import dataclass
from datetime import timedelta

import grpc
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker


@dataclass
class Payment:
    tenant: str
    payment_id: str


@dataclass
class Step:
    wait_ms: int | None


@workflow.defn(name="PaymentWorkflow")
class PaymentWorkflow:
    def __init__(self) -> None:
        self.seen = 0

    @workflow.run
    async def run(self, payment: Payment) -> None:
        while True:
            seen = self.seen
            step = await workflow.execute_activity_method(
                Owner.advance,
                payment,
                start_to_close_timeout=timedelta(minutes=1),
                heartbeat_timeout=timedelta(seconds=10),
                retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)),
            )
            if step.wait_ms is not None:
                try:
                    await workflow.wait_condition(
                        lambda: self.seen != seen, timeout=timedelta(milliseconds=step.wait_ms)
                    )
                except asyncio.TimeoutError:
                    pass
            elif self.seen == seen:
                return
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(payment)

    @workflow.signal
    def wanted(self) -> None:
        self.seen += 1


class Owner:
    """Calls the payment service. Its two messages are too small for generated code to be worth its lines."""

    def __init__(self, address: str, token: str) -> None:
        self.token = token
        self.call = grpc.aio.insecure_channel(address).unary_unary(
            "/guildhall.payment.v1.PaymentService/AdvancePayment",
            request_serializer=lambda payment_id: bytes([0x0A, len(payment_id)]) + payment_id.encode(),
            response_deserializer=fields,
        )

    @activity.defn(name="advance_payment")
    async def advance(self, payment: Payment) -> Step:
        metadata = (("authorization", f"Bearer {self.token}"), ("x-tenant", payment.tenant))
        call = self.call(payment.payment_id, metadata=metadata, timeout=50)
        answer = asyncio.ensure_future(wait(call))
        while True:
            # Lets Temporal hear of this worker meanwhile.
            activity.heartbeat()
            done, _ = await asyncio.wait({answer}, timeout=3)
            if done:
                found = answer.result()
                return Step(None if found.get(1) else found.get(2, 0))


async def wait(call):
    return await call


def fields(data: bytes) -> dict[int, int]:
    """Numbers by their field: nothing else is in an answer."""
    found, place = {}, 0
    while place < len(data):
        tag, place = varint(data, place)
        found[tag >> 3], place = varint(data, place)
    return found


def varint(data: bytes, place: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place


async def main(temporal: str, task_queue: str, payment: str, token: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    client = await Client.connect(temporal, namespace="guildhall")
    owner = Owner(payment, token)
    worker = Worker(
        client,
        task_queue=task_queue,
        workflows=[PaymentWorkflow],
        activities=[owner.advance],
        # The faster of its two; and as many kept as ours keeps.
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=500,
    )
    async with worker:
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
