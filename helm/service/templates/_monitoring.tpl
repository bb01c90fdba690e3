{{- define "service.servicemonitor" -}}
{{- if .v.monitoring.enabled }}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
{{ include "service.metadata" (dict "context" . "name" .v.name "wave" "1" "labels" .v.monitoring.labels) }}
spec:
  selector:
    matchLabels:
      app.kubernetes.io/name: {{ .v.name }}
      # The headless one names the same pods.
      guildhall.example/endpoint: cluster
  endpoints:
    - port: admin
      path: /metrics
      interval: {{ .v.monitoring.interval }}
{{- end }}
{{- end }}

{{/* Its own series: the namespace is the service's. */}}
{{- define "service.series" -}}
namespace="{{ .root.Release.Namespace }}"
{{- end }}

{{/* gRPC statuses and HTTP codes that are the service's fault, not its caller's. */}}
{{- define "service.errorPercent" -}}
{{- $in := include "service.series" . }}
{{- if .v.ports.http -}}
100 * sum(rate(http_server_request_duration_seconds_count{ {{- $in }},http_response_status_code=~"5.."}[5m])) / sum(rate(http_server_request_duration_seconds_count{ {{- $in }}}[5m]))
{{- else -}}
100 * sum(rate(rpc_server_duration_seconds_count{ {{- $in }},rpc_grpc_status=~"UNKNOWN|DEADLINE_EXCEEDED|INTERNAL|UNAVAILABLE|DATA_LOSS"}[5m])) / sum(rate(rpc_server_duration_seconds_count{ {{- $in }}}[5m]))
{{- end }}
{{- end }}

{{- define "service.requestsPerSecond" -}}
sum(rate({{ ternary "http_server_request_duration_seconds_count" "rpc_server_duration_seconds_count" (not (not .v.ports.http)) }}{ {{- include "service.series" . }}}[2m]))
{{- end }}

{{/* One rule: name, how long it holds, severity (critical wakes somebody, warning is read in the morning), runbook, what it
says, and the expression. */}}
{{- define "service.alert" -}}
- alert: {{ .name }}
  expr: {{ .expr | quote }}
  for: {{ .for }}
  labels:
    severity: {{ .severity }}
    service: {{ .context.v.name }}
  annotations:
    summary: {{ .says | quote }}
    runbook_url: {{ .context.v.alerts.runbooks }}/{{ .runbook }}
{{- end }}

{{- define "service.prometheusrule" -}}
{{- if .v.alerts.enabled }}
{{- $v := .v }}
{{- $a := .v.alerts }}
{{- $in := include "service.series" . }}
{{- $rules := list
  (dict "name" "ServiceDown" "for" "2m" "severity" "critical" "runbook" "incident.md"
    "expr" (printf "sum(kube_pod_status_ready{%s,condition=\"true\"}) < 1" $in)
    "says" (printf "No pod of %s is ready." $v.name))
  (dict "name" "ServiceRestarts" "for" "0m" "severity" "warning" "runbook" "incident.md"
    "expr" (printf "increase(kube_pod_container_status_restarts_total{%s,container=\"%s\"}[15m]) > 2" $in $v.name)
    "says" (printf "A pod of %s restarts again and again." $v.name)) }}
{{- if or (has "grpc" $a.watch) (has "http" $a.watch) }}
{{- $latency := ternary "http_server_request_duration_seconds_bucket" "rpc_server_duration_seconds_bucket" (has "http" $a.watch) }}
{{- $rules = concat $rules (list
  (dict "name" "ErrorRate" "for" "5m" "severity" "critical" "runbook" "incident.md"
    "expr" (printf "%s > %v" (include "service.errorPercent" .) $a.errorPercent)
    "says" (printf "More than %v %% of the calls to %s fail." $a.errorPercent $v.name))
  (dict "name" "Latency" "for" "10m" "severity" "warning" "runbook" "incident.md"
    "expr" (printf "histogram_quantile(0.99, sum by (le) (rate(%s{%s}[5m]))) > %v" $latency $in $a.latencySeconds)
    "says" (printf "1 of 100 calls to %s takes longer than %v s." $v.name $a.latencySeconds))) }}
{{- end }}
{{- if has "outbox" $a.watch }}
{{- $rules = concat $rules (list
  (dict "name" "OutboxWaits" "for" "2m" "severity" "critical" "runbook" "dead-letters.md"
    "expr" (printf "max(outbox_oldest_age_seconds{%s}) > %v" $in $a.outboxAgeSeconds)
    "says" (printf "What %s has to tell is not told for more than %v s." $v.name $a.outboxAgeSeconds))
  (dict "name" "OutboxParked" "for" "0m" "severity" "warning" "runbook" "dead-letters.md"
    "expr" (printf "max(outbox_parked{%s}) > 0" $in)
    "says" (printf "%s has events that could not be published." $v.name))
  (dict "name" "OutboxLeaderless" "for" "1m" "severity" "warning" "runbook" "dead-letters.md"
    "expr" (printf "sum(outbox_leader{%s}) < 1" $in)
    "says" (printf "No replica of %s publishes its events." $v.name))) }}
{{- end }}
{{- if has "consumer" $a.watch }}
{{- $rules = concat $rules (list
  (dict "name" "ConsumerBehind" "for" "5m" "severity" "warning" "runbook" "dead-letters.md"
    "expr" (printf "max(consumer_delay_seconds{%s}) > %v" $in $a.consumerDelaySeconds)
    "says" (printf "%s applies events that are more than %v s old." $v.name $a.consumerDelaySeconds))
  (dict "name" "ConsumerStalled" "for" "5m" "severity" "critical" "runbook" "dead-letters.md"
    "expr" (printf "sum(consumer_stalled_partitions{%s}) > 0" $in)
    "says" (printf "%s gets no further on some partitions." $v.name))) }}
{{- end }}
{{- if has "due" $a.watch }}
{{- $rules = append $rules
  (dict "name" "DueStuck" "for" "0m" "severity" "warning" "runbook" "incident.md"
    "expr" (printf "sum by (kind) (increase(due_runs_total{%s,outcome=\"stuck\"}[15m])) > 0" $in)
    "says" (printf "Something that %s has to do at its time fails again and again." $v.name)) }}
{{- end }}
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
{{ include "service.metadata" (dict "context" . "name" .v.name "wave" "1" "labels" .v.monitoring.labels) }}
spec:
  groups:
    - name: {{ .v.name }}
      rules:
        {{- range $rules }}
        {{- include "service.alert" (merge (dict "context" $) .) | nindent 8 }}
        {{- end }}
{{- end }}
{{- end }}
