//! What the dashboards show.

use super::{Dashboard, Row, logs, panel};

pub(super) const ALL: [Dashboard; 4] = [SERVICE, EVENT_LAG, DELIVERY, PAYMENTS];

const SERVICE: Dashboard = Dashboard {
    uid: "guildhall-service",
    title: "Guildhall: a service",
    by_service: true,
    rows: &[
        Row {
            title: "Calls",
            panels: &[
                panel(
                    "Rate",
                    "reqps",
                    &[
                        (
                            "{{rpc_method}}",
                            r#"sum by (rpc_method) (rate(rpc_server_duration_seconds_count{namespace="$service",rpc_service!~"grpc[.].*"}[5m]))"#,
                        ),
                        (
                            "{{http_request_method}} {{http_route}}",
                            r#"sum by (http_request_method, http_route) (rate(http_server_request_duration_seconds_count{namespace="$service",http_route!~"/health|/ready"}[5m]))"#,
                        ),
                    ],
                ),
                panel(
                    "Errors, by status",
                    "reqps",
                    &[
                        (
                            "{{rpc_grpc_status}}",
                            r#"sum by (rpc_grpc_status) (rate(rpc_server_duration_seconds_count{namespace="$service",rpc_grpc_status!="OK"}[5m]))"#,
                        ),
                        (
                            "{{http_response_status_code}}",
                            r#"sum by (http_response_status_code) (rate(http_server_request_duration_seconds_count{namespace="$service",http_response_status_code=~"4..|5.."}[5m]))"#,
                        ),
                    ],
                ),
                panel(
                    "Duration",
                    "s",
                    &[
                        (
                            "gRPC p50",
                            r#"histogram_quantile(0.5, sum by (le) (rate(rpc_server_duration_seconds_bucket{namespace="$service",rpc_service!~"grpc[.].*"}[5m])))"#,
                        ),
                        (
                            "gRPC p99",
                            r#"histogram_quantile(0.99, sum by (le) (rate(rpc_server_duration_seconds_bucket{namespace="$service",rpc_service!~"grpc[.].*"}[5m])))"#,
                        ),
                        (
                            "HTTP p50",
                            r#"histogram_quantile(0.5, sum by (le) (rate(http_server_request_duration_seconds_bucket{namespace="$service",http_route!~"/health|/ready"}[5m])))"#,
                        ),
                        (
                            "HTTP p99",
                            r#"histogram_quantile(0.99, sum by (le) (rate(http_server_request_duration_seconds_bucket{namespace="$service",http_route!~"/health|/ready"}[5m])))"#,
                        ),
                    ],
                ),
            ],
        },
        Row {
            title: "Objectives",
            panels: &[
                panel(
                    "Calls that failed",
                    "percentunit",
                    &[("{{window}}", r#"service:calls_failed:ratio{service="$service"}"#)],
                ),
                panel(
                    "Calls that were slow",
                    "percentunit",
                    &[("{{window}}", r#"service:calls_slow:ratio{service="$service"}"#)],
                ),
            ],
        },
        Row {
            title: "Saturation",
            panels: &[
                panel(
                    "Processor, of the limit",
                    "percentunit",
                    &[(
                        "{{pod}}",
                        r#"sum by (pod) (rate(container_cpu_usage_seconds_total{namespace="$service",container!=""}[5m])) / sum by (pod) (kube_pod_container_resource_limits{namespace="$service",resource="cpu"})"#,
                    )],
                ),
                panel(
                    "Memory, of the limit",
                    "percentunit",
                    &[(
                        "{{pod}}",
                        r#"sum by (pod) (container_memory_working_set_bytes{namespace="$service",container!=""}) / sum by (pod) (kube_pod_container_resource_limits{namespace="$service",resource="memory"})"#,
                    )],
                ),
                panel(
                    "Held back by the limit of processors",
                    "percentunit",
                    &[(
                        "{{pod}}",
                        r#"sum by (pod) (rate(container_cpu_cfs_throttled_periods_total{namespace="$service"}[5m])) / sum by (pod) (rate(container_cpu_cfs_periods_total{namespace="$service"}[5m]))"#,
                    )],
                ),
                panel(
                    "Pods that are ready, and the most there may be",
                    "short",
                    &[
                        ("ready", r#"sum(kube_pod_status_ready{namespace="$service",condition="true"})"#),
                        (
                            "at most, {{horizontalpodautoscaler}}",
                            r#"kube_horizontalpodautoscaler_spec_max_replicas{namespace="$service"}"#,
                        ),
                    ],
                ),
                panel(
                    "Restarts",
                    "short",
                    &[(
                        "{{pod}}",
                        r#"sum by (pod) (increase(kube_pod_container_status_restarts_total{namespace="$service"}[15m]))"#,
                    )],
                ),
                panel(
                    "Jobs of queues, by outcome",
                    "ops",
                    &[(
                        "{{queue}} {{outcome}}",
                        r#"sum by (queue, outcome) (rate(queue_job_duration_seconds_count{namespace="$service"}[5m]))"#,
                    )],
                ),
            ],
        },
    ],
};

const EVENT_LAG: Dashboard = Dashboard {
    uid: "guildhall-event-lag",
    title: "Guildhall: events and how late they are",
    by_service: false,
    rows: &[
        Row {
            title: "Outbox",
            panels: &[
                panel(
                    "Age of the oldest that waits",
                    "s",
                    &[("{{namespace}} {{lane}}", "max by (namespace, lane) (outbox_oldest_age_seconds)")],
                ),
                panel(
                    "Waiting",
                    "short",
                    &[("{{namespace}} {{lane}}", "max by (namespace, lane) (outbox_backlog)")],
                ),
                panel(
                    "Until it is published, p99",
                    "s",
                    &[(
                        "{{namespace}} {{lane}}",
                        "histogram_quantile(0.99, sum by (namespace, lane, le) (rate(outbox_publish_lag_seconds_bucket[5m])))",
                    )],
                ),
                panel(
                    "Published",
                    "ops",
                    &[(
                        "{{namespace}} {{lane}}",
                        "sum by (namespace, lane) (rate(outbox_published_total[5m]))",
                    )],
                ),
                panel(
                    "What went wrong",
                    "ops",
                    &[("{{namespace}} {{kind}}", "sum by (namespace, kind) (rate(outbox_errors_total[5m]))")],
                ),
                panel("Who publishes", "short", &[("{{namespace}}", "sum by (namespace) (outbox_leader)")]),
            ],
        },
        Row {
            title: "Consumers",
            panels: &[
                panel(
                    "Age of what was applied last",
                    "s",
                    &[("{{group}} {{topic}}", "max by (group, topic) (consumer_delay_seconds)")],
                ),
                panel("Behind", "short", &[("{{group}} {{topic}}", "sum by (group, topic) (consumer_lag)")]),
                panel(
                    "Events, by outcome",
                    "ops",
                    &[("{{group}} {{outcome}}", "sum by (group, outcome) (rate(consumer_events_total[5m]))")],
                ),
                panel(
                    "A batch, p99",
                    "s",
                    &[(
                        "{{group}}",
                        "histogram_quantile(0.99, sum by (group, le) (rate(consumer_batch_duration_seconds_bucket[5m])))",
                    )],
                ),
                panel(
                    "Tried again, and in parts",
                    "ops",
                    &[
                        ("{{group}} again", "sum by (group) (rate(consumer_retries_total[5m]))"),
                        ("{{group}} in parts", "sum by (group) (rate(consumer_splits_total[5m]))"),
                    ],
                ),
                panel(
                    "Partitions that stand still",
                    "short",
                    &[
                        ("{{group}} stalled", "sum by (group) (consumer_stalled_partitions)"),
                        ("{{group}} paused", "sum by (group) (consumer_paused_partitions)"),
                    ],
                ),
            ],
        },
        Row {
            title: "Dead letters, and what has its time",
            panels: &[
                panel(
                    "Parked",
                    "short",
                    &[
                        ("{{namespace}} outbox", "max by (namespace) (outbox_parked)"),
                        (
                            "{{group}} inbox, per hour",
                            r#"sum by (group) (increase(consumer_events_total{outcome=~"parked|behind_parked"}[1h]))"#,
                        ),
                        (
                            "{{queue}} poison, per hour",
                            r#"sum by (queue) (increase(queue_job_duration_seconds_count{outcome="poison"}[1h]))"#,
                        ),
                    ],
                ),
                panel(
                    "Late, p99",
                    "s",
                    &[(
                        "{{namespace}} {{kind}}",
                        "histogram_quantile(0.99, sum by (namespace, kind, le) (rate(due_lateness_seconds_bucket[15m])))",
                    )],
                ),
                panel(
                    "Runs that failed",
                    "ops",
                    &[(
                        "{{namespace}} {{kind}} {{outcome}}",
                        r#"sum by (namespace, kind, outcome) (rate(due_runs_total{outcome!="ran"}[5m]))"#,
                    )],
                ),
            ],
        },
    ],
};

const DELIVERY: Dashboard = Dashboard {
    uid: "guildhall-delivery",
    title: "Guildhall: from an event to a mail",
    by_service: false,
    rows: &[Row {
        title: "Funnel, per hour",
        panels: &[
            panel(
                "1: events that tell somebody something",
                "short",
                &[(
                    "{{outcome}}",
                    r#"sum by (outcome) (increase(consumer_events_total{namespace="notification"}[1h]))"#,
                )],
            ),
            panel(
                "2: jobs sent to the queue",
                "short",
                &[(
                    "sent",
                    r#"sum(increase(outbox_published_total{namespace="notification",lane="queue"}[1h]))"#,
                )],
            ),
            panel(
                "3: claimed, and reported",
                "short",
                &[(
                    "{{rpc_method}} {{rpc_grpc_status}}",
                    r#"sum by (rpc_method, rpc_grpc_status) (increase(rpc_server_duration_seconds_count{namespace="notification",rpc_method=~"ClaimDelivery|ReportDelivery"}[1h]))"#,
                )],
            ),
            panel(
                "4: jobs, by outcome",
                "short",
                &[(
                    "{{outcome}}",
                    r#"sum by (outcome) (increase(queue_job_duration_seconds_count{queue="guildhall-mail"}[1h]))"#,
                )],
            ),
            panel(
                "Asked for again, for want of a report",
                "short",
                &[(
                    "{{outcome}}",
                    r#"sum by (outcome) (increase(due_runs_total{namespace="notification",kind="mail_unreported"}[1h]))"#,
                )],
            ),
            panel(
                "A mail, p50 and p99",
                "s",
                &[
                    (
                        "p50",
                        r#"histogram_quantile(0.5, sum by (le) (rate(queue_job_duration_seconds_bucket{queue="guildhall-mail"}[15m])))"#,
                    ),
                    (
                        "p99",
                        r#"histogram_quantile(0.99, sum by (le) (rate(queue_job_duration_seconds_bucket{queue="guildhall-mail"}[15m])))"#,
                    ),
                ],
            ),
            panel(
                "Until the job is sent, p99",
                "s",
                &[(
                    "p99",
                    r#"histogram_quantile(0.99, sum by (le) (rate(outbox_publish_lag_seconds_bucket{namespace="notification",lane="queue"}[15m])))"#,
                )],
            ),
        ],
    }],
};

const PAYMENTS: Dashboard = Dashboard {
    uid: "guildhall-payments",
    title: "Guildhall: payments",
    by_service: false,
    rows: &[
        Row {
            title: "States, from the log",
            panels: &[
                logs(
                    "Payments that moved on, by state",
                    &[(
                        "{{payment_status}}",
                        r#"sum by (payment_status) (count_over_time({app_kubernetes_io_name="payment"} |= "payment moved on" | json [5m]))"#,
                    )],
                ),
                logs(
                    "Outcome unknown",
                    &[(
                        "unknown",
                        r#"sum(count_over_time({app_kubernetes_io_name="payment"} |= "payment moved on" |= "outcome_unknown" [5m]))"#,
                    )],
                ),
                logs(
                    "What providers say that cannot be",
                    &[(
                        "contradictions",
                        r#"sum(count_over_time({app_kubernetes_io_name="payment"} |= "the provider says what cannot be" [5m]))"#,
                    )],
                ),
            ],
        },
        Row {
            title: "Providers",
            panels: &[
                panel(
                    "A step with the provider, p50 and p99",
                    "s",
                    &[
                        (
                            "p50",
                            r#"histogram_quantile(0.5, sum by (le) (rate(rpc_server_duration_seconds_bucket{namespace="payment",rpc_method="AdvancePayment"}[5m])))"#,
                        ),
                        (
                            "p99",
                            r#"histogram_quantile(0.99, sum by (le) (rate(rpc_server_duration_seconds_bucket{namespace="payment",rpc_method="AdvancePayment"}[5m])))"#,
                        ),
                    ],
                ),
                panel(
                    "Begun, refunded, called back",
                    "ops",
                    &[(
                        "{{rpc_method}} {{rpc_grpc_status}}",
                        r#"sum by (rpc_method, rpc_grpc_status) (rate(rpc_server_duration_seconds_count{namespace="payment",rpc_method=~"InitiatePayment|CreateRefund|CancelPayment|ReceiveCallback"}[5m]))"#,
                    )],
                ),
                panel(
                    "Nobody came to move them on",
                    "short",
                    &[(
                        "{{outcome}}",
                        r#"sum by (outcome) (increase(due_runs_total{namespace="payment",kind="payment_step"}[15m]))"#,
                    )],
                ),
            ],
        },
        Row {
            title: "Settlement and books",
            panels: &[
                logs(
                    "Settlements that are late or differ",
                    &[
                        (
                            "late",
                            r#"sum(count_over_time({app_kubernetes_io_name="payment"} |= "a settlement is late, will retry" [1h]))"#,
                        ),
                        (
                            "differ",
                            r#"sum(count_over_time({app_kubernetes_io_name="payment"} |= "settled, and somebody has to look" [1h]))"#,
                        ),
                    ],
                ),
                panel(
                    "Asked for a day's report",
                    "short",
                    &[(
                        "{{outcome}}",
                        r#"sum by (outcome) (increase(due_runs_total{namespace="payment",kind="settlement"}[1h]))"#,
                    )],
                ),
                panel(
                    "Since the books were proven",
                    "s",
                    &[(
                        "{{cronjob}}",
                        r#"time() - max by (cronjob) (kube_cronjob_status_last_successful_time{namespace="payment"})"#,
                    )],
                ),
            ],
        },
    ],
};
