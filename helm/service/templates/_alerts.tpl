{{/* One rule: name, how long it holds, severity (critical wakes somebody, warning is read in the morning), runbook, what it
says, and the expression; labels besides. */}}
{{- define "service.alert" -}}
- alert: {{ .name }}
  expr: {{ .expr | quote }}
  for: {{ .for }}
  labels:
    severity: {{ .severity }}
    service: {{ .context.v.name }}
    {{- with .labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    summary: {{ .says | quote }}
    runbook_url: {{ .context.v.alerts.runbooks }}/{{ .runbook }}
{{- end }}

{{/* A counter that has risen within 15 minutes, `by` labels: also one that was not there before its first time, of which
`increase` knows nothing. */}}
{{- define "service.risen" -}}
{{- $counter := printf "%s{%s%s}" .counter (include "service.series" .context) .where -}}
sum by ({{ .by }}) (increase({{ $counter }}[15m])) > 0 or sum by ({{ .by }}) ({{ $counter }} unless {{ $counter }} offset 15m) > 0
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
{{- if has "outbox" $a.watch }}
{{- $rules = concat $rules (list
  (dict "name" "OutboxWaits" "for" "2m" "severity" "critical" "runbook" "event-lag.md#outbox"
    "expr" (printf "max(outbox_oldest_age_seconds{%s}) > %v" $in $a.outboxAgeSeconds)
    "says" (printf "What %s has to tell is not told for more than %v s." $v.name $a.outboxAgeSeconds))
  (dict "name" "OutboxParked" "for" "0m" "severity" "warning" "runbook" "dead-letters.md"
    "expr" (printf "max(outbox_parked{%s}) > 0" $in)
    "says" (printf "%s has events that could not be published." $v.name))
  (dict "name" "OutboxLeaderless" "for" "1m" "severity" "warning" "runbook" "event-lag.md#outbox"
    "expr" (printf "sum(outbox_leader{%s}) < 1" $in)
    "says" (printf "No replica of %s publishes its events." $v.name))) }}
{{- end }}
{{- if has "consumer" $a.watch }}
{{- $rules = concat $rules (list
  (dict "name" "ConsumerBehind" "for" "5m" "severity" "warning" "runbook" "event-lag.md#consumers"
    "expr" (printf "max(consumer_delay_seconds{%s}) > %v" $in $a.consumerDelaySeconds)
    "says" (printf "%s applies events that are more than %v s old." $v.name $a.consumerDelaySeconds))
  (dict "name" "ConsumerLag" "for" "10m" "severity" "warning" "runbook" "event-lag.md#consumers"
    "expr" (printf "sum by (group, topic) (consumer_lag{%s}) > %v" $in $a.consumerLag)
    "says" (printf "%s is more than %v events behind on {{ $labels.topic }}." $v.name $a.consumerLag))
  (dict "name" "ConsumerStalled" "for" "5m" "severity" "critical" "runbook" "event-lag.md#consumers"
    "expr" (printf "sum(consumer_stalled_partitions{%s}) > 0" $in)
    "says" (printf "%s gets no further on some partitions." $v.name))
  (dict "name" "DeadLettersParked" "for" "0m" "severity" "warning" "runbook" "dead-letters.md"
    "expr" (include "service.risen" (dict "context" . "counter" "consumer_events_total" "by" "group" "where" ",outcome=~\"parked|behind_parked\""))
    "says" (printf "%s has parked events that it could not apply." $v.name))) }}
{{- end }}
{{- if has "due" $a.watch }}
{{- $rules = append $rules
  (dict "name" "DueStuck" "for" "0m" "severity" "warning" "runbook" "incident.md#by-alert"
    "expr" (include "service.risen" (dict "context" . "counter" "due_runs_total" "by" "kind" "where" ",outcome=\"stuck\""))
    "says" (printf "{{ $labels.kind }}, which %s has to do at its time, fails again and again." $v.name)) }}
{{- end }}
{{- if has "jobs" $a.watch }}
{{- $rules = concat $rules (list
  (dict "name" "JobsFail" "for" "10m" "severity" "warning" "runbook" "jobs.md"
    "expr" (printf "100 * sum by (queue) (rate(queue_job_duration_seconds_count{%s,outcome!=\"done\"}[15m])) / sum by (queue) (rate(queue_job_duration_seconds_count{%s}[15m])) > %v" $in $in $a.jobErrorPercent)
    "says" (printf "More than %v %% of the jobs of {{ $labels.queue }} fail." $a.jobErrorPercent))
  (dict "name" "JobPoison" "for" "0m" "severity" "warning" "runbook" "dead-letters.md"
    "expr" (include "service.risen" (dict "context" . "counter" "queue_job_duration_seconds_count" "by" "queue" "where" ",outcome=\"poison\""))
    "says" "A job of {{ $labels.queue }} can never be done.")) }}
{{- end }}
{{- if has "deliveries" $a.watch }}
{{- $rules = append $rules
  (dict "name" "DeliveriesRepeated" "for" "10m" "severity" "warning" "runbook" "jobs.md#deliveries"
    "expr" (printf "sum(increase(due_runs_total{%s,kind=\"mail_unreported\",outcome=\"ran\"}[30m])) > %v" $in $a.unreported)
    "says" (printf "More than %v mails of the last half hour had to be asked for again: nobody has reported, or the mail server takes none for now." $a.unreported)) }}
{{- end }}
{{- if has "payments" $a.watch }}
{{- $rules = append $rules
  (dict "name" "PaymentsWait" "for" "10m" "severity" "critical" "runbook" "payments.md#nobody-moves-them-on"
    "expr" (printf "sum(increase(due_runs_total{%s,kind=\"payment_step\",outcome=\"ran\"}[15m])) > %v" $in $a.unreported)
    "says" (printf "More than %v times in a quarter of an hour nobody came to move a payment on." $a.unreported)) }}
{{- end }}
{{- if has "audit" $a.watch }}
{{- $rules = append $rules
  (dict "name" "AuditNotSealed" "for" "0m" "severity" "critical" "runbook" "audit.md#something-does-not-match"
    "expr" (printf "sum(increase(audit_seals_total{%s,outcome=\"failed\"}[15m])) > 0" $in)
    "says" (printf "A chain of %s cannot be sealed." $v.name)) }}
{{- end }}
{{- if has "evidence" $a.watch }}
{{- $rules = concat $rules (list
  (dict "name" "EvidenceDamaged" "for" "0m" "severity" "critical" "runbook" "integrity.md#which-ones"
    "expr" (printf "sum by (outcome) (increase(document_integrity_checks_total{%s,outcome=~\"restored|lost\"}[1h])) > 0" $in)
    "says" "A document is not as it was handed in: {{ $labels.outcome }}.")
  (dict "name" "ObjectsDisagree" "for" "0m" "severity" "warning" "runbook" "reconcile.md"
    "expr" (printf "max(reconcile_remains{%s}) > 0" $in)
    "says" "Rows and objects do not agree, and what is wrong was not mended.")) }}
{{- end }}
{{- with $v.proofs }}
{{- $rules = append $rules
  (dict "name" "NotProven" "for" "0m" "severity" "critical" "runbook" "payments.md#the-books-are-not-proven"
    "expr" (printf "time() - max by (cronjob) (kube_cronjob_status_last_successful_time{%s}) > %v or time() - max by (cronjob) (kube_cronjob_created{%s}) > %v unless on (cronjob) kube_cronjob_status_last_successful_time{%s}" $in $a.provenSeconds $in $a.provenSeconds $in)
    "says" (printf "{{ $labels.cronjob }} has not proven what it is there for within %v s." $a.provenSeconds)) }}
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
    {{- with include "service.objectives" . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
{{- end }}
{{- end }}
